import { spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { RunEvent } from '../../src/client/event.ts'
import type { JsonValue } from '../../src/util/json.ts'

const root = join(import.meta.dirname, '../..')

/** What the built command line said and how it ended. */
export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
  /** The lines of standard output that are JSON objects. */
  readonly events: readonly RunEvent[]
  readonly last: Readonly<Record<string, JsonValue>>
  /** Of the last line; '' where it is of no run. */
  readonly runId: string
}

export interface Started {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  /** What it has written to standard error so far. */
  said(): string
  /** Resolves with the first event on standard output that fits. */
  event(fits: (event: RunEvent) => boolean): Promise<RunEvent>
}

export interface Place {
  readonly dir: string
  write(name: string, text: string): string
  /** A script of turns as a model id. */
  script(...contents: readonly string[]): string
  start(args: readonly string[], options?: StartOptions): Started
  troupe(args: readonly string[], options?: StartOptions): Promise<Ended>
}

export interface StartOptions {
  readonly input?: string
  readonly env?: Readonly<Record<string, string>>
}

/** A directory of its own inside the checkout, where `import 'troupe'` finds this package, gone after the test. */
export function place(): Place {
  const parent = join(root, '.troupe', 'tests')
  mkdirSync(parent, { recursive: true })
  const dir = mkdtempSync(join(parent, 'cli-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true, maxRetries: 3 }))
  const write = (name: string, text: string): string => {
    writeFileSync(join(dir, name), text)
    return join(dir, name)
  }
  const start = (args: readonly string[], options: StartOptions = {}): Started => launch(dir, args, options)
  return {
    dir,
    write,
    script: (...contents) => `script:${write('script.json', JSON.stringify([{ turns: contents.map((content) => ({ content })) }]))}`,
    start,
    troupe: (args, options) => start(args, options).ended,
  }
}

/** Model text with one block of code. */
export function fence(code: string): string {
  return `\`\`\`ts\n${code}\n\`\`\``
}

function launch(dir: string, args: readonly string[], { input = '', env = {} }: StartOptions): Started {
  // A machine without the sandboxes' services, whatever this one has: what they do is tested in full-sandboxes.test.ts.
  const none = { TROUPE_SANDBOX_ROOTFS: '/nonexistent', TROUPE_DOCKER_SOCKET: '/nonexistent/docker.sock' }
  const { TROUPE_TEST: _, ...inherited } = process.env
  const child = spawn(process.execPath, [join(root, 'bin/troupe.mjs'), ...args], {
    cwd: dir,
    env: { ...inherited, ...none, NO_COLOR: '', ...env },
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let out = ''
  let err = ''
  const listeners = new Set<() => void>()
  child.stdout.on('data', (data) => {
    out += String(data)
    for (const listener of listeners) listener()
  })
  child.stderr.on('data', (data) => (err += String(data)))
  child.stdin.on('error', () => {})
  child.stdin.end(input)

  const ended = Promise.withResolvers<Ended>()
  child.on('error', ended.reject)
  child.on('close', (code) => {
    const objects = linesIn(out)
    const last = objects.at(-1) ?? {}
    const { runId } = last
    ended.resolve({
      code,
      out,
      err,
      events: objects as readonly object[] as RunEvent[],
      last,
      runId: typeof runId === 'string' ? runId : '',
    })
  })
  return {
    child,
    ended: ended.promise,
    said: () => err,
    event: (fits) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = (linesIn(out) as readonly object[] as RunEvent[]).find(fits)
          if (found) resolve(found)
        }
        listeners.add(look)
        look()
        ended.promise.then(() => reject(new Error(`it ended before that event: ${out.slice(-500)} ${err.slice(-500)}`)), reject)
      }),
  }
}

function linesIn(out: string): Record<string, JsonValue>[] {
  const lines = out.split('\n').filter((line) => line.startsWith('{') && line.endsWith('}'))
  return lines.map((line) => JSON.parse(line) as Record<string, JsonValue>)
}
