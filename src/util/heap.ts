/** A binary heap: the least item first. */
export class Heap<Item> {
  readonly #items: Item[] = []
  readonly #isLess: (a: Item, b: Item) => boolean

  constructor(isLess: (a: Item, b: Item) => boolean) {
    this.#isLess = isLess
  }

  get size(): number {
    return this.#items.length
  }

  get first(): Item | undefined {
    return this.#items[0]
  }

  push(item: Item): void {
    this.#items.push(item)
    this.#raise(this.#items.length - 1)
  }

  pop(): Item | undefined {
    const first = this.#items[0]
    const last = this.#items.pop()
    if (last !== undefined && this.#items.length > 0) {
      this.#items[0] = last
      this.#sink(0)
    }
    return first
  }

  #raise(from: number): void {
    for (let at = from; at > 0;) {
      const above = (at - 1) >> 1
      if (!this.#swapIfLess(at, above)) return
      at = above
    }
  }

  #sink(from: number): void {
    for (let at = from; ;) {
      const left = 2 * at + 1
      const least = this.#lesser(left, left + 1)
      if (!this.#swapIfLess(least, at)) return
      at = least
    }
  }

  #lesser(a: number, b: number): number {
    const [first, second] = [this.#items[a], this.#items[b]]
    return first !== undefined && second !== undefined && this.#isLess(second, first) ? b : a
  }

  #swapIfLess(a: number, b: number): boolean {
    const [first, second] = [this.#items[a], this.#items[b]]
    if (first === undefined || second === undefined || !this.#isLess(first, second)) return false
    this.#items[a] = second
    this.#items[b] = first
    return true
  }
}
