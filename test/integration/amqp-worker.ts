import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { JsonValue } from '../../src/util/json.ts'
import { fence, type Ended, type Place, type Started } from './cli-harness.ts'

export type Line = Readonly<Record<string, JsonValue>>

const HIT = `import { appendFileSync, existsSync, writeFileSync } from 'node:fs'
import { codeAgent, defineConfig, member, remote, team, tool } from 'troupe'
import { z } from 'zod'
const hit = tool({ name: 'hit', description: 'Hits.', effect: 'idempotent', input: z.object({ n: z.number() }), output: z.number(), run: async ({ n }, { signal }) => {
  if (n === 2) writeFileSync('second', '')
  while (n === 2 && !existsSync('go')) { signal.throwIfAborted(); await new Promise((resolve) => setTimeout(resolve, 20)) }
  appendFileSync('hits', n + '\\n')
  return n
} })
`

/** The side whose agent `doer` hits once, and a second time when its task says so: that waits until the file `go` is there. */
export function doing(at: Place, amqp: string, more = ''): void {
  const turns = (code: string): object => ({ turns: [{ content: fence(code) }] })
  const script = [
    { agent: 'doer', when: 'twice', ...turns('finalAnswer((await hit({ n: 1 })) + (await hit({ n: 2 })))') },
    { agent: 'doer', ...turns('finalAnswer(await hit({ n: 1 }))') },
    { agent: 'boss', when: 'twice', ...turns("finalAnswer((await doer({ task: 'twice' })) + 10)") },
    { agent: 'boss', ...turns("finalAnswer((await doer({ task: 'once' })) + 10)") },
  ]
  at.write('script.json', JSON.stringify(script))
  at.write('troupe.config.ts', `${HIT}${more}\nexport default defineConfig({ model: 'script:script.json', ${amqp} })`)
}

export const DOER = "agents: { worker: codeAgent({ name: 'doer', description: 'Does.', tools: [hit] }) }"
export const BOSS = "agents: { main: codeAgent({ name: 'boss', description: 'Leads.', agents: [remote('doer', 'Does.')] }) }"

/** Its plan is one task, whose output is the answer. */
export const TEAM = `team({ name: 'crew', description: 'Counts.', agents: [remote('doer', 'Does.')],
  router: () => ({ type: 'delegate' }), reviewer: () => ({ verdict: 'ok' }),
  architect: ({ tasks }) => tasks.length > 0 ? { done: true } : { tasks: [{ id: 'count', owner: 'doer', objective: 'Count.', produces: ['answer'] }] } })`
/** What a member says that has to show where it has its figure from. */
export const EVIDENT = "const count = await hit({ n: 1 })\nfinalAnswer({ output: count, evidence: [{ ref: 'hit#1', quote: '1' }] })"

export const hits = (at: Place): readonly string[] =>
  existsSync(join(at.dir, 'hits')) ? readFileSync(join(at.dir, 'hits'), 'utf8').trim().split('\n') : []

export function isLine(type: string, more: Line = {}): (line: object) => boolean {
  return (line) => Object.entries({ ...more, type }).every(([key, value]) => (line as Line)[key] === value)
}

export const line = (worker: Started, type: string, more: Line = {}): Promise<Line> =>
  worker.event(isLine(type, more)) as Promise<object> as Promise<Line>

export async function working(at: Place, url: string, ...args: readonly string[]): Promise<Started> {
  const worker = at.start(['worker', '--json', ...args], { env: { TROUPE_AMQP_URL: url } })
  await line(worker, 'worker-start')
  return worker
}

export async function drained(worker: Started): Promise<Ended> {
  worker.child.kill('SIGTERM')
  const ended = await worker.ended
  expect(ended).toMatchObject({ code: 0, last: { type: 'worker-end' } })
  return ended
}

/** One clear line for people, nothing for programs, and the exit code. */
export function refused({ code, out, err }: Ended, says: RegExp): void {
  expect(err).toMatch(says)
  expect({ code, out, lines: err.trim().split('\n').length }).toEqual({ code: 2, out: '', lines: 1 })
}
