import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'

const PAGE = Buffer.alloc(4096, 1)
/** As many pages as a SQLite log has before it begins again at its start. */
const PAGES = 1_000

/**
 * A file that is written to as barely as can be: 4 KB in place, then fsync. What a durable write cannot be faster than. In
 * place, as SQLite writes its log, because a file that grows needs more than that on most file systems.
 */
export class RawDisk implements Disposable {
  readonly #file: number
  #page = 0

  constructor(folder: string) {
    this.#file = openSync(join(folder, 'raw'), 'w')
    for (let page = 0; page < PAGES; page++) writeSync(this.#file, PAGE)
    fsyncSync(this.#file)
  }

  /** One write that is on the disk when this returns. */
  write(): void {
    writeSync(this.#file, PAGE, 0, PAGE.length, (this.#page++ % PAGES) * PAGE.length)
    fsyncSync(this.#file)
  }

  [Symbol.dispose](): void {
    closeSync(this.#file)
  }
}
