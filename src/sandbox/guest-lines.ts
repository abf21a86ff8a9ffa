/** Cuts a stream of bytes into lines; a line that grows beyond `max` is told once, and nothing more is read. */
export class LineCutter {
  readonly #decoder = new TextDecoder()
  #parts: string[] = []
  #length = 0
  #isOver = false

  /** The whole lines that are there now, or null when one is longer than `max`. */
  push(chunk: Uint8Array, max: number): readonly string[] | null {
    if (this.#isOver) return []
    const text = this.#decoder.decode(chunk, { stream: true })
    const lines = text.split('\n')
    const rest = lines.pop() ?? ''
    if (lines.length > 0) {
      lines[0] = this.#parts.join('') + (lines[0] ?? '')
      this.#parts = []
      this.#length = 0
    }
    this.#parts.push(rest)
    this.#length += rest.length
    if (this.#length <= max) return lines
    this.#isOver = true
    this.#parts = []
    return null
  }
}
