import type { Readable } from 'node:stream'
import { openDaemon, ownLabels } from './daemon.ts'

/**
 * The files of an image as one tar archive, of a container that is made for it, never started, and removed at the end of the
 * stream. Throws `sandbox/unavailable` where daemon or image are missing.
 */
export async function exportImage(image: string, socketPath?: string): Promise<Readable> {
  const { docker, imageId } = await openDaemon(socketPath, 'runc', image)
  const container = await docker.createContainer({ Image: imageId, Cmd: ['/bin/true'], Labels: ownLabels(), NetworkDisabled: true })
  const remove = (): void => void container.remove({ force: true }).catch(() => {}) // the next sweep finds it
  try {
    const tar = (await container.export()) as Readable
    return tar.once('close', remove)
  } catch (error) {
    remove()
    throw error
  }
}
