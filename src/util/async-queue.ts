/** Hands values from callbacks to one `for await` loop, in order; what is not yet pulled is kept. */
export class AsyncQueue<T> implements AsyncIterable<T> {
  readonly #values: T[] = []
  #wake: (() => void) | undefined
  #end: { readonly error?: unknown } | undefined

  push(value: T): void {
    if (this.#end) return
    this.#values.push(value)
    this.#wake?.()
  }

  /** Ends the loop after the values that are there; with an `error`, by throwing it. */
  end(error?: unknown): void {
    this.#end ??= error === undefined ? {} : { error }
    this.#wake?.()
  }

  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    for (;;) {
      while (this.#values.length > 0) yield this.#values.shift() as T
      if (this.#end) {
        if ('error' in this.#end) throw this.#end.error
        return
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      this.#wake = undefined
    }
  }
}
