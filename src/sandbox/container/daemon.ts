import { existsSync, readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import type Docker from 'dockerode'
import { TroupeError } from '../../errors/troupe-error.ts'

export type Runtime = 'runc' | 'runsc'

/** What a container is known by: whose it is, so that it can be swept when its host is gone. */
export const LABEL = 'dev.troupe.sandbox'
const HOST_LABEL = 'dev.troupe.host'
export const OWNER_LABEL = 'dev.troupe.owner'

export interface Daemon {
  readonly docker: Docker
  readonly version: string
  /** The image's own id: what was looked at is what is run, whatever a tag comes to mean. */
  readonly imageId: string
}

/** Opens the daemon and looks at what it has. Throws `sandbox/unavailable`, saying what is missing and how to get it. */
export async function openDaemon(socketPath: string | undefined, runtime: Runtime, image: string): Promise<Daemon> {
  const path = socketPath ?? ownSocket()
  const docker = new (await loadDockerode())({ socketPath: path })
  let info: { Runtimes?: Record<string, { path?: string }>; ServerVersion?: string; OSType?: string }
  try {
    info = (await docker.info()) as typeof info
  } catch (error) {
    throw missing(
      `no Docker or Podman daemon answers at ${path} (${(error as Error).message}). Start it, or pass container({ socketPath })`,
      error,
    )
  }
  const found = info.Runtimes?.[runtime]
  // Podman does not list what it can run; what a container really runs on is looked at when the first one starts.
  if (runtime === 'runsc' && info.Runtimes !== undefined && found === undefined) {
    throw missing(
      `the daemon at ${path} has no runtime runsc. Install gVisor (https://gvisor.dev/docs/user_guide/install, apt-get install runsc) and name it in the daemon's configuration under "runtimes"`,
    )
  }
  if (runtime === 'runsc' && found?.path !== undefined && !/runsc/.test(found.path))
    throw missing(`what the daemon at ${path} calls runsc is ${found.path}, which is not gVisor`)
  try {
    const { Id } = await docker.getImage(image).inspect()
    return { docker, version: info.ServerVersion ?? 'unknown', imageId: Id }
  } catch (error) {
    throw missing(`the daemon at ${path} has no image ${image}. Pull it, or make one: troupe sandbox build`, error)
  }
}

/** Removes containers of hosts on this machine that are gone: a host that was killed could not do so itself. */
export async function sweepContainers(docker: Docker): Promise<number> {
  const ours = await docker.listContainers({ all: true, filters: { label: [LABEL, `${HOST_LABEL}=${hostname()}`] } })
  const left = ours.filter(({ Labels }) => {
    const [pid, start] = (Labels[OWNER_LABEL] ?? '').split('-')
    return !isAlive(Number(pid), start ?? '')
  })
  await Promise.all(
    left.map(({ Id }) =>
      docker
        .getContainer(Id)
        .remove({ force: true, v: true })
        .catch(() => {}),
    ),
  ) // another host may sweep it now
  return left.length
}

export function ownLabels(): Readonly<Record<string, string>> {
  return { [LABEL]: '1', [HOST_LABEL]: hostname(), [OWNER_LABEL]: `${process.pid}-${startOf(process.pid)}` }
}

/** A process's id alone may be someone else's by now; where /proc is, when it began is compared too. */
function isAlive(pid: number, start: string): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
  return startOf(pid) === start
}

function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  } catch {
    return ''
  }
}

function ownSocket(): string {
  const named = process.env['DOCKER_HOST']
  if (named?.startsWith('unix://')) return named.slice('unix://'.length)
  const rootless = process.env['XDG_RUNTIME_DIR']
  const places = [
    '/var/run/docker.sock',
    ...(rootless === undefined ? [] : [`${rootless}/docker.sock`, `${rootless}/podman/podman.sock`]),
    '/run/podman/podman.sock',
  ]
  return places.find((place) => existsSync(place)) ?? '/var/run/docker.sock'
}

async function loadDockerode(): Promise<typeof Docker> {
  try {
    return (await import('dockerode')).default
  } catch (error) {
    throw missing('the package dockerode is not installed. Install it: npm install dockerode', error)
  }
}

export function missing(what: string, cause?: unknown): TroupeError {
  return new TroupeError('sandbox/unavailable', `the sandbox container is not available: ${what}`, { cause })
}
