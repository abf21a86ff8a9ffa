import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { rootOf } from '../../util/run-id.ts'
import type { SnapshotStore } from '../snapshots.ts'

const CIPHER = 'aes-256-gcm'
/** First byte of a file: changes with its layout. */
const FORMAT = 1
const NONCE_BYTES = 12
const TAG_BYTES = 16
const HEAD_BYTES = 1 + NONCE_BYTES + TAG_BYTES
const OWNER_ONLY = 0o600
const OWNER_ONLY_DIR = 0o700

/**
 * Snapshots as files of one folder, a directory for each run tree, encrypted and authenticated together with the id of
 * their run (AES-256-GCM): what was changed, cut, or put in another run's place is as if it were not there.
 */
export function snapshotFiles(folder: string, key: Uint8Array): SnapshotStore {
  const nameOf = (run: string): string => encodeURIComponent(run)
  const treeOf = (run: string): string => join(folder, nameOf(rootOf(run)))

  return {
    async put(run, bytes) {
      const tree = treeOf(run)
      await mkdir(tree, { recursive: true, mode: OWNER_ONLY_DIR })
      // Written aside and moved in: who is killed, or finds the disk full, leaves the old one or none.
      const path = join(tree, nameOf(run))
      const next = `${path}.${randomBytes(6).toString('hex')}.next`
      try {
        await writeFile(next, seal(run, bytes, key), { mode: OWNER_ONLY, flag: 'wx' })
        await rename(next, path)
      } catch (error) {
        await rm(next, { force: true })
        throw error
      }
    },

    async get(run) {
      try {
        return unseal(run, await readFile(join(treeOf(run), nameOf(run))), key)
      } catch {
        return null // Not there, not readable, or not what was sealed: the log is the truth.
      }
    },

    async delete(run) {
      const tree = treeOf(run)
      if (rootOf(run) === run) return rm(tree, { recursive: true, force: true })
      const own = nameOf(run)
      const names = await readdir(tree).catch(() => [])
      const gone = names.filter((name) => name === own || name.startsWith(`${own}-`) || name.startsWith(`${own}.`))
      await Promise.all(gone.map((name) => rm(join(tree, name), { force: true })))
    },
  }
}

function seal(run: string, bytes: Uint8Array, key: Uint8Array): Uint8Array {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(run))
  const body = Buffer.concat([cipher.update(bytes), cipher.final()])
  return Buffer.concat([Buffer.of(FORMAT), nonce, cipher.getAuthTag(), body])
}

/** Throws when anything of it was changed. */
function unseal(run: string, sealed: Uint8Array, key: Uint8Array): Uint8Array | null {
  if (sealed.length < HEAD_BYTES || sealed[0] !== FORMAT) return null
  const nonce = sealed.subarray(1, 1 + NONCE_BYTES)
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES })
    .setAAD(Buffer.from(run))
    .setAuthTag(sealed.subarray(1 + NONCE_BYTES, HEAD_BYTES))
  return Buffer.concat([decipher.update(sealed.subarray(HEAD_BYTES)), decipher.final()])
}
