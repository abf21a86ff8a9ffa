import { fork } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { until } from './until.ts'

/** One thing that was done to the world outside. */
export interface Deed {
  readonly name: string
  readonly key: string
}

/** The world outside, counted by a process that no kill of ours touches. */
export interface FarEnd extends AsyncDisposable {
  readonly url: string
  deeds(): Promise<readonly Deed[]>
  /** Keys of what was done, with how often. Of one name, where that is given. */
  counts(name?: string): Promise<Readonly<Record<string, number>>>
  /** Answers to deeds of this name are kept back until it is let go. */
  hold(name: string): Promise<void>
  letGo(name: string): Promise<void>
  /** Resolves when deeds of this name were done so often. */
  seen(name: string, times?: number): Promise<void>
}

export async function farEnd(): Promise<FarEnd> {
  const child = fork(join(import.meta.dirname, 'far-end-process.ts'), { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
  if (!child.stdout) throw new Error('the far end has no output')
  const port = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout! }).once('line', resolve)
    child.once('exit', (code) => reject(new Error(`the far end ended with ${code}`)))
  })
  const url = `http://127.0.0.1:${port}`
  const ask = async (path: string): Promise<unknown> => (await fetch(`${url}/${path}`, { method: 'POST' })).json()
  const deeds = async (): Promise<readonly Deed[]> => (await ask('deeds')) as readonly Deed[]
  return {
    url,
    deeds,
    counts: async (name) => countsOf((await deeds()).filter((deed) => name === undefined || deed.name === name)),
    hold: async (name) => void (await ask(`hold/${name}`)),
    letGo: async (name) => void (await ask(`let-go/${name}`)),
    seen: (name, times = 1) => until(async () => (await deeds()).filter((deed) => deed.name === name).length >= times),
    [Symbol.asyncDispose]: async () => void child.kill('SIGKILL'),
  }
}

function countsOf(deeds: readonly Deed[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const { key } of deeds) counts[key] = (counts[key] ?? 0) + 1
  return counts
}
