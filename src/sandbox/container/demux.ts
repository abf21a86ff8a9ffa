const HEADER = 8

/** Takes apart the stream of an attached container: a header of 8 bytes (which stream, how long) before each piece. */
export class Demux {
  readonly #onPiece: (stream: 'frames' | 'output', piece: Buffer) => void
  readonly #header = Buffer.alloc(HEADER)
  #have = 0
  #left = 0

  constructor(onPiece: (stream: 'frames' | 'output', piece: Buffer) => void) {
    this.#onPiece = onPiece
  }

  push(chunk: Buffer): void {
    for (let at = 0; at < chunk.length;) {
      if (this.#left > 0) {
        const piece = chunk.subarray(at, at + this.#left)
        at += piece.length
        this.#left -= piece.length
        this.#onPiece(this.#header[0] === 1 ? 'frames' : 'output', piece)
        continue
      }
      const copied = chunk.copy(this.#header, this.#have, at, at + HEADER - this.#have)
      at += copied
      this.#have += copied
      if (this.#have < HEADER) return
      this.#have = 0
      this.#left = this.#header.readUInt32BE(4)
    }
  }
}
