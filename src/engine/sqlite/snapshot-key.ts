import { hkdfSync, randomBytes } from 'node:crypto'
import { closeSync, fstatSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { TroupeError } from '../../errors/troupe-error.ts'

const KEY_BYTES = 32
const LEAST_TEXT = 32
const OTHERS = 0o077

/** The key that a text of the configuration stands for. Throws `config/invalid` for one that is too short to be secret. */
export function keyOfText(text: string): Uint8Array {
  if (text.length < LEAST_TEXT) {
    throw new TroupeError(
      'config/invalid',
      `snapshotKey has ${text.length} characters and needs at least ${LEAST_TEXT} random ones: make one with \`openssl rand -hex 32\``,
    )
  }
  return new Uint8Array(hkdfSync('sha256', text, '', 'troupe snapshots', KEY_BYTES))
}

/**
 * The key in a file that only its owner can read; made when it is not there. Null where there can be none, or where others
 * can read it: then no snapshot is taken.
 */
export function keyOfFile(path: string): Uint8Array | null {
  try {
    writeFileSync(path, randomBytes(KEY_BYTES), { flag: 'wx', mode: 0o600 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
      rmSync(path, { force: true }) // A full disk may leave a part of it.
      return null
    }
  }
  let file: number
  try {
    file = openSync(path, 'r')
  } catch {
    return null
  }
  try {
    const { mode, uid } = fstatSync(file)
    const isOurs = process.getuid === undefined || ((mode & OTHERS) === 0 && uid === process.getuid())
    const key = isOurs ? readFileSync(file) : null
    return key?.length === KEY_BYTES ? new Uint8Array(key) : null
  } finally {
    closeSync(file)
  }
}
