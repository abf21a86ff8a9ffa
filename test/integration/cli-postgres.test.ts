import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import type { JsonValue } from '../../src/util/json.ts'
import { sql, startPostgres, type TestPostgres } from '../postgres.ts'
import { isAllAsked, onlyWhenAllAsked } from '../services.ts'
import { fence, place, type Place, type Started } from './cli-harness.ts'

vi.setConfig({ testTimeout: 120_000 }) // Many processes, on machines of two cores.

let postgres: TestPostgres
beforeEach(onlyWhenAllAsked)
beforeAll(async () => {
  if (isAllAsked) postgres = await startPostgres()
}, 60_000)
afterAll(() => postgres?.[Symbol.asyncDispose]())

type Line = Readonly<Record<string, JsonValue>>

/** An agent whose tool hits four times; the third hit of a `slow` task hangs until the file `go` is there. */
function counting(at: Place): void {
  const code = (waits: boolean): string =>
    fence(`let sum = 0\nfor (let n = 1; n <= 4; n++) sum += await hit({ n, waits: ${waits} && n === 3 })\nfinalAnswer(sum)`)
  at.write('script.json', JSON.stringify([{ when: 'slow', turns: [{ content: code(true) }] }, { turns: [{ content: code(false) }] }]))
  at.write(
    'troupe.config.ts',
    `import { appendFileSync, existsSync, writeFileSync } from 'node:fs'
     import { codeAgent, defineConfig, tool } from 'troupe'
     import { z } from 'zod'
     const hit = tool({ name: 'hit', description: 'Hits.', effect: 'idempotent', input: z.object({ n: z.number(), waits: z.boolean() }), output: z.number(), run: async ({ n, waits }, { signal }) => {
       if (waits) writeFileSync('third', '')
       while (waits && !existsSync('go')) { signal.throwIfAborted(); await new Promise((resolve) => setTimeout(resolve, 20)) }
       appendFileSync('hits', n + '\\n')
       return n
     } })
     export default defineConfig({ model: 'script:script.json', store: process.env.STORE, agents: { main: codeAgent({ name: 'main', description: 'Hits.', tools: [hit] }) } })`,
  )
}

const hits = (at: Place): number =>
  existsSync(join(at.dir, 'hits')) ? readFileSync(join(at.dir, 'hits'), 'utf8').trim().split('\n').length : 0

function working(at: Place, STORE: string): Started {
  return at.start(['worker', '--json', '--concurrency', '2'], { env: { STORE } })
}

const isLine =
  (type: string, more: Line = {}) =>
  (line: object) =>
    Object.entries({ ...more, type }).every(([key, value]) => (line as Line)[key] === value)

async function detached(at: Place, STORE: string, task: string): Promise<string> {
  const ended = await at.troupe(['run', task, '--detach'], { env: { STORE } })
  expect(ended).toMatchObject({ code: 0, last: { type: 'run-queued', status: 'queued' } })
  return ended.runId
}

it('two workers share the runs of one database, and drain', async () => {
  const at = place()
  counting(at)
  const STORE = await postgres.freshUrl()
  const first = await at.troupe(['run', 'quick', '--detach'], { env: { STORE } })
  expect(first.err).toContain('no worker serves postgres://')
  expect(first.err).not.toContain(new URL(STORE).password)
  const workers = [working(at, STORE), working(at, STORE)]
  await Promise.all(workers.map((worker) => worker.event(isLine('worker-start'))))
  // Each has two places, so that three runs that hang cannot all be with one of them.
  const slow = await Promise.all([1, 2, 3].map((n) => detached(at, STORE, `slow ${n}`)))
  while (hits(at) < 4 + 3 * 2) await new Promise((resolve) => setTimeout(resolve, 50))
  at.write('go', '')
  const left = slow.map((runId) => Promise.any(workers.map((worker) => worker.event(isLine('run-left', { runId, status: 'done' })))))
  await Promise.all(left)
  expect(await at.troupe(['run', 'quick', '--priority', '1', '--json'], { env: { STORE } })).toMatchObject({
    code: 0,
    err: '',
    last: { type: 'run-end', output: 10 },
  })
  for (const worker of workers) worker.child.kill('SIGTERM')
  const ended = await Promise.all(workers.map((worker) => worker.ended))
  expect(ended.map(({ code }) => code)).toEqual([0, 0])
  const lines = ended.flatMap(({ events }) => events as readonly object[] as readonly Line[])
  expect(lines.filter(({ type, status }) => type === 'run-left' && status === 'done')).toHaveLength(5)
  for (const { events } of ended) expect(events.some(isLine('run-taken'))).toBe(true)
  expect(hits(at)).toBe(5 * 4)
  expect((await at.troupe(['runs', 'show', first.runId, '--json'], { env: { STORE } })).last).toMatchObject({ status: 'done', output: 10 })
})

it('a worker whose connection is cut exits at once with 1 and says why; another goes on with its run', async () => {
  const at = place()
  counting(at)
  const STORE = await postgres.freshUrl()
  const worker = working(at, STORE)
  await worker.event(isLine('worker-start'))
  const runId = await detached(at, STORE, 'slow')
  while (!existsSync(join(at.dir, 'third'))) await new Promise((resolve) => setTimeout(resolve, 20)) // The log has the second answer by then.
  await sql(
    STORE,
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'troupe lock%' and datname = current_database()",
  )
  const { code, err } = await worker.ended
  expect(code).toBe(1)
  expect(err).toMatch(/^troupe: /m)
  at.write('go', '')
  const other = working(at, STORE)
  await other.event(isLine('run-left', { runId, status: 'done' }))
  other.child.kill('SIGTERM')
  expect(await other.ended).toMatchObject({ code: 0 })
  expect(hits(at)).toBe(4)
})

it('a run is killed and resumed, and its URL is told without the password', async () => {
  const at = place()
  counting(at)
  const STORE = await postgres.freshUrl()
  const run = at.start(['run', 'slow', '--json'], { env: { STORE } })
  const { runId } = await run.event((event) => event.type === 'tool-start' && JSON.stringify(event.args).includes('3'))
  run.child.kill('SIGKILL')
  await run.ended
  at.write('go', '')
  expect(await at.troupe(['resume', runId, '--json'], { env: { STORE } })).toMatchObject({ code: 0, last: { type: 'run-end', output: 10 } })
  expect(hits(at)).toBe(4)
  const wrong = STORE.replace(/:[^:@]*@/, ':hunter2@')
  for (const url of [wrong, `${STORE}_none`]) {
    const { code, out, err } = await at.troupe(['runs', 'ls', '--store', url])
    expect({ code, out, lines: err.trim().split('\n').length }).toEqual({ code: 2, out: '', lines: 1 })
    expect(err).toMatch(/the password is wrong|there is no such database/)
    expect(err).not.toMatch(/hunter2|secret/)
  }
})
