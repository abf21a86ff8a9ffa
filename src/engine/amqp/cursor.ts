import { open, readFile, rename } from 'node:fs/promises'
import { TroupeError } from '../../errors/troupe-error.ts'

/** Keeps how far a log was published. What `write` was given, `read` has to give back after a crash. */
export interface Cursor {
  /** Null: nothing was published yet. */
  read(): Promise<string | null>
  /** Resolves when it is kept for good. */
  write(cursor: string): Promise<void>
}

/** A cursor in a file, such as beside the store of SQLite. One publisher a file. */
export function fileCursor(path: string): Cursor {
  return {
    async read() {
      try {
        return (await readFile(path, 'utf8')).trim() || null
      } catch (error) {
        if ((error as { code?: unknown }).code === 'ENOENT') return null
        throw new TroupeError('engine/store-failed', `the cursor ${path} cannot be read`, { cause: error })
      }
    },
    async write(cursor) {
      try {
        const next = `${path}.next` // Written aside, so that a crash leaves the old one or the new one.
        const file = await open(next, 'w')
        try {
          await file.writeFile(`${cursor}\n`)
          await file.sync()
        } finally {
          await file.close()
        }
        await rename(next, path)
      } catch (error) {
        throw new TroupeError('engine/store-failed', `the cursor ${path} cannot be written`, { cause: error })
      }
    },
  }
}
