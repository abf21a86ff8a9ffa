import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Limits } from '../limits.ts'

/** Where groups of ours are made. Version 1 has a tree for each controller, version 2 one for all. */
export interface CgroupTree {
  readonly version: 1 | 2
  readonly memory: string
  readonly pids: string
  readonly cpu: string
}

const MEBIBYTE = 1_048_576
/** Page tables and what else the kernel counts for a process that does little. */
const SLACK = 4 * MEBIBYTE
const PERIOD_US = 100_000
const NAME = /^troupe-(\d+)-(\d+)-\d+$/
const SWEEP_TRIES = 50
const TRY_MS = 20

let made = 0

/** The trees in which this process may make groups, or why there is none. */
export function findCgroups(root = '/'): CgroupTree | { readonly missing: string } {
  const read = (path: string): string => {
    try {
      return readFileSync(join(root, path), 'utf8')
    } catch {
      return ''
    }
  }
  const own = new Map(
    read('/proc/self/cgroup')
      .split('\n')
      .flatMap((line) => {
        const [, names, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? []
        return names === undefined || path === undefined ? [] : names.split(',').map((name): [string, string] => [name, path])
      }),
  )
  const mounts = read('/proc/self/mounts')
    .split('\n')
    .map((line) => line.split(' '))
  const version1 = (controller: string): string | undefined => {
    const at = mounts.find(([, , type, options]) => type === 'cgroup' && options?.split(',').includes(controller))?.[1]
    return at === undefined ? undefined : firstWritable([join(root, at, own.get(controller) ?? ''), join(root, at)])
  }
  const [memory, pids, cpu] = [version1('memory'), version1('pids'), version1('cpu')]
  if (memory !== undefined && pids !== undefined && cpu !== undefined) return { version: 1, memory, pids, cpu }
  const unified = mounts.find(([, , type]) => type === 'cgroup2')?.[1]
  if (unified === undefined) return { missing: 'no cgroup file system is mounted' }
  const base = delegated(join(root, unified), own.get('') ?? '/')
  if (base === undefined)
    return {
      missing:
        'this process may make no cgroup with memory, pids and cpu: run as root, or under systemd with Delegate=yes (systemd-run --user --scope -p Delegate=yes …)',
    }
  return { version: 2, memory: base, pids: base, cpu: base }
}

/** One group for one guest and all that it starts. */
export class Cgroup {
  readonly #tree: CgroupTree
  readonly #dirs: readonly string[]
  readonly #name: string

  constructor(tree: CgroupTree) {
    this.#tree = tree
    this.#name = `troupe-${process.pid}-${startOf(process.pid)}-${++made}`
    this.#dirs = [...new Set([tree.memory, tree.pids, tree.cpu])].map((dir) => join(dir, this.#name))
    for (const dir of this.#dirs) mkdirSync(dir)
  }

  /** The files into which a process writes its id to enter. */
  get entrances(): readonly string[] {
    return this.#dirs.map((dir) => join(dir, 'cgroup.procs'))
  }

  /** From now on the guest may use this much more than it uses at this moment. */
  limit(
    { memoryMb, processes, cpus }: Limits,
    on: { readonly memory: boolean; readonly processes: boolean; readonly cpus: boolean },
  ): void {
    const { version } = this.#tree
    if (on.memory) {
      const bytes = this.#inUse() + memoryMb * MEBIBYTE + SLACK
      if (version === 1) this.#write('memory', 'memory.limit_in_bytes', `${bytes}`)
      else this.#write('memory', 'memory.max', `${bytes}`)
      // Absent where the kernel counts no swap: then there is none to be had either.
      this.#tryWrite('memory', version === 1 ? 'memory.memsw.limit_in_bytes' : 'memory.swap.max', version === 1 ? `${bytes}` : '0')
    }
    if (on.processes) this.#write('pids', 'pids.max', `${Number(this.#read('pids', 'pids.current')) + processes}`)
    if (!on.cpus) return
    if (version === 1) {
      this.#write('cpu', 'cpu.cfs_period_us', `${PERIOD_US}`)
      this.#write('cpu', 'cpu.cfs_quota_us', `${Math.max(1_000, Math.round(cpus * PERIOD_US))}`)
    } else this.#write('cpu', 'cpu.max', `${Math.max(1_000, Math.round(cpus * PERIOD_US))} ${PERIOD_US}`)
  }

  /** Whether the kernel has ended a process of the group for want of memory. */
  get ranOutOfMemory(): boolean {
    const text = this.#tree.version === 1 ? this.#read('memory', 'memory.oom_control') : this.#read('memory', 'memory.events')
    return Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0) > 0
  }

  /** Ends every process of the group. */
  kill(): void {
    killAll(this.#dirs)
  }

  /** Removes the group. False while there is still a process in it. */
  remove(): boolean {
    return removeAll(this.#dirs)
  }

  /** Bytes that cannot be given back: not the pages of files that were read. */
  #inUse(): number {
    const stat = this.#read('memory', 'memory.stat')
    const of = (key: string): number => Number(new RegExp(`^${key} (\\d+)$`, 'm').exec(stat)?.[1] ?? 0)
    const used = Number(this.#read('memory', this.#tree.version === 1 ? 'memory.usage_in_bytes' : 'memory.current'))
    return Math.max(0, used - of('inactive_file') - of('active_file'))
  }

  #read(controller: 'memory' | 'pids' | 'cpu', file: string): string {
    try {
      return readFileSync(join(this.#tree[controller], this.#name, file), 'utf8')
    } catch {
      return ''
    }
  }

  #write(controller: 'memory' | 'pids' | 'cpu', file: string, text: string): void {
    writeFileSync(join(this.#tree[controller], this.#name, file), text)
  }

  #tryWrite(controller: 'memory' | 'pids' | 'cpu', file: string, text: string): void {
    try {
      this.#write(controller, file, text)
    } catch {
      // See the caller.
    }
  }
}

/** Removes groups of processes that are gone: a host that was killed could not do so itself. */
export function sweepCgroups(tree: CgroupTree): void {
  for (const base of new Set([tree.memory, tree.pids, tree.cpu])) {
    for (const name of namesIn(base)) {
      const [, pid, start] = NAME.exec(name) ?? []
      if (pid === undefined || startOf(Number(pid)) === start) continue
      const dir = join(base, name)
      killAll([dir])
      for (let tries = 0; tries < SWEEP_TRIES && !removeAll([dir]); tries++)
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, TRY_MS)
    }
  }
}

/** Ticks since boot at which a process began: its id alone may be someone else's by now. '' for one that is gone. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  } catch {
    return ''
  }
}

function namesIn(dir: string): readonly string[] {
  try {
    return readdirSync(dir)
  } catch {
    return []
  }
}

function killAll(dirs: readonly string[]): void {
  for (const dir of dirs) {
    try {
      writeFileSync(join(dir, 'cgroup.kill'), '1')
      continue
    } catch {
      // Version 1 has no such file.
    }
    try {
      for (const pid of readFileSync(join(dir, 'cgroup.procs'), 'utf8').split('\n')) if (pid !== '') killOne(Number(pid))
    } catch {
      // The group is gone.
    }
  }
}

function killOne(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}

function removeAll(dirs: readonly string[]): boolean {
  let isGone = true
  for (const dir of dirs) {
    try {
      rmdirSync(dir)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') isGone = false
    }
  }
  return isGone
}

function firstWritable(dirs: readonly string[]): string | undefined {
  return dirs.find((dir) => {
    const probe = join(dir, `troupe-probe-${process.pid}`)
    try {
      mkdirSync(probe)
      rmdirSync(probe)
      return true
    } catch {
      return false
    }
  })
}

/** Version 2 lets a group have either processes or children with limits: ours is made beside this process, not in its own group. */
function delegated(mount: string, own: string): string | undefined {
  const wanted = ['memory', 'pids', 'cpu']
  for (const parent of [join(mount, own), join(mount, own, '..'), mount]) {
    const base = join(parent, 'troupe')
    try {
      if (!wanted.every((name) => readFileSync(join(parent, 'cgroup.controllers'), 'utf8').split(/\s+/).includes(name))) continue
      writeFileSync(join(parent, 'cgroup.subtree_control'), wanted.map((name) => `+${name}`).join(' '))
      mkdirSync(base, { recursive: true })
      writeFileSync(join(base, 'cgroup.subtree_control'), wanted.map((name) => `+${name}`).join(' '))
      return base
    } catch {
      // Not ours to give out: the next one up.
    }
  }
  return undefined
}
