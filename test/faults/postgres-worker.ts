import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { onTestFinished } from 'vitest'

export interface WorkerOrder {
  /** `postgres://…` */
  readonly store: string
  /** Of the far end. */
  readonly url: string
  readonly concurrency: number
  readonly staleMs: number
}

export interface FleetWorker {
  readonly child: ChildProcess
  readonly lines: readonly { readonly type: string; readonly run?: string }[]
  /** With the exit code; null after a signal. */
  readonly ended: Promise<{ readonly code: number | null; readonly err: string }>
}

const CACHE = join(import.meta.dirname, '../../node_modules/.cache/troupe/faults')

/** Starts a worker, and waits until it works; it is killed with the test at the latest. */
export async function fleetWorker(order: WorkerOrder): Promise<FleetWorker> {
  const { TROUPE_TEST: _, ...env } = process.env
  const child = spawn(process.execPath, [join(import.meta.dirname, 'postgres-worker-process.ts'), JSON.stringify(order)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...env, NODE_COMPILE_CACHE: CACHE },
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines: { type: string; run?: string }[] = []
  let err = ''
  child.stderr.on('data', (text) => (err += String(text)))
  const ended = new Promise<{ code: number | null; err: string }>((resolve) => child.on('close', (code) => resolve({ code, err })))
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(JSON.parse(line) as { type: string })
      if (lines.at(-1)?.type === 'works') resolve()
    })
    ended.then(({ code }) => reject(new Error(`the worker ended with ${code} before it worked: ${err.slice(-500)}`)), reject)
  })
  return { child, lines, ended }
}
