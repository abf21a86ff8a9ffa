import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { onTestFinished } from 'vitest'
import type { WorkOptions } from '../../src/engine/worker.ts'
import type { JsonValue } from '../../src/util/json.ts'
import type { Boundary } from './killing.ts'

/** What one process is to do, as data. */
export interface Order {
  /** The path of a SQLite file, or `postgres://…`. */
  readonly store: string
  /** Of the far end. */
  readonly url: string
  readonly task:
    | { readonly type: 'run'; readonly agent: string; readonly run: string }
    | { readonly type: 'resume'; readonly run: string; readonly adopt?: boolean; readonly takeOver?: boolean }
    | { readonly type: 'work'; readonly options?: Omit<WorkOptions, 'onTurn'>; readonly graceMs?: number }
  /** Where it is killed. */
  readonly boundary?: Boundary
  /** For the agent `six`. */
  readonly six?: {
    readonly language: 'typescript' | 'python'
    readonly isParallel: boolean
    readonly sandbox: 'quickjs' | 'monty' | 'bubblewrap' | 'container' | 'gvisor'
    readonly rootfs?: string
    readonly socketPath?: string
    readonly image?: string
  }
}

export interface Line {
  readonly type: string
  readonly [name: string]: JsonValue
}

export interface Player {
  readonly child: ChildProcess
  /** What it has said so far. */
  readonly lines: readonly Line[]
  readonly ended: Promise<{
    readonly code: number | null
    readonly signal: NodeJS.Signals | null
    readonly last: Line | undefined
    readonly lines: readonly Line[]
    readonly err: string
  }>
  /** Resolves with the first line that fits; throws when the process ends without one. */
  said(type: string): Promise<Line>
}

/** Compiled sources are kept between processes: to read TypeScript takes most of their start. */
const CACHE = join(import.meta.dirname, '../../node_modules/.cache/troupe/faults')

/** Starts a process; it is killed with the test at the latest. */
export function player(order: Order): Player {
  const { TROUPE_TEST: _, ...env } = process.env
  const child = spawn(process.execPath, [join(import.meta.dirname, 'player-process.ts'), JSON.stringify(order)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...env, NODE_COMPILE_CACHE: CACHE },
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines: Line[] = []
  const listeners = new Set<() => void>()
  let err = ''
  child.stderr.on('data', (text) => (err += String(text)))
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(JSON.parse(line) as Line)
    for (const listener of listeners) listener()
  })
  const ended = new Promise<Awaited<Player['ended']>>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, last: lines.at(-1), lines, err }))
  })
  return {
    child,
    lines,
    ended,
    said: (type) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const line = lines.find((each) => each.type === type)
          if (line) resolve(line)
        }
        listeners.add(look)
        look()
        ended.then(
          () => reject(new Error(`the process ended before it said '${type}': ${JSON.stringify(lines)} ${err.slice(-500)}`)),
          reject,
        )
      }),
  }
}

/** A folder of its own, gone with the test. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'troupe-faults-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true, maxRetries: 3 }))
  return path
}
