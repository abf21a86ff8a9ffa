import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import type { JsonValue } from '../../src/util/json.ts'
import { fence, place, type Place } from './cli-harness.ts'

vi.setConfig({ testTimeout: 120_000 }) // Many processes, on machines of two cores.

/** Two steps: the first hits 1 and keeps it, the second hits 2 and ends; without the file `mended` its model refuses the second. */
function twoSteps(at: Place, version = '1.0.0', second = 'finalAnswer(one + (await hit({ n: 2 })))'): void {
  const first = { content: fence('const one = await hit({ n: 1 })\nconsole.log(one)') }
  at.write('broken.json', JSON.stringify([{ turns: [first, { error: 'the model was taken off' }] }]))
  at.write('script.json', JSON.stringify([{ turns: [first, { content: fence(second) }] }]))
  at.write(
    'troupe.config.ts',
    `import { appendFileSync, existsSync } from 'node:fs'
     import { codeAgent, defineConfig, tool } from 'troupe'
     import { z } from 'zod'
     const hit = tool({ name: 'hit', description: 'Hits.', effect: 'idempotent', input: z.object({ n: z.number() }), output: z.number(), run: ({ n }) => { appendFileSync('hits', n + '\\n'); return n } })
     const pay = tool({ name: 'pay', description: 'Pays.', effect: 'irreversible', input: z.object({ usd: z.number() }), output: z.string(), run: ({ usd }) => 'paid ' + usd })
     export default defineConfig({ model: 'script:' + (existsSync('mended') ? 'script' : 'broken') + '.json', agents: { main: codeAgent({ name: 'main', version: '${version}', description: 'Hits.', tools: [hit, pay] }) } })`,
  )
}

const hits = (at: Place): readonly string[] =>
  existsSync(join(at.dir, 'hits')) ? readFileSync(join(at.dir, 'hits'), 'utf8').trim().split('\n') : []

async function told(at: Place, ...args: readonly string[]): Promise<Readonly<Record<string, JsonValue>>> {
  const { code, last, err } = await at.troupe([...args, '--json'])
  expect({ code, err }).toEqual({ code: 0, err: '' })
  return last
}

describe('fork', () => {
  it('begins a new run with the entries before a step: their effects do not happen again', async () => {
    const at = place()
    twoSteps(at)
    at.write('mended', '')
    const { runId } = await at.troupe(['run', 'go', '--json'])
    expect(hits(at)).toEqual(['1', '2'])

    const { runId: forked, last } = await at.troupe(['runs', 'fork', runId, '--step', '2', '--json'])
    expect(last).toEqual({ runId: forked, forkedFrom: { run: runId, step: 2 } })
    expect(await told(at, 'runs', 'show', forked)).toMatchObject({
      status: 'running',
      forkedFrom: { run: runId, step: 2 },
      steps: 1,
    })
    expect(await at.troupe(['resume', forked, '--json'])).toMatchObject({
      code: 0,
      last: { type: 'run-end', runId: forked, output: 3 },
    })
    expect(hits(at)).toEqual(['1', '2', '2'])
    expect(await told(at, 'runs', 'show', runId)).toMatchObject({ status: 'done', output: 3 })

    const plain = await at.troupe(['runs', 'fork', runId, '--step', '1'])
    expect(plain.code).toBe(0)
    expect(plain.out.trim()).toMatch(/^r\w+$/)
    expect(plain.err).toContain(`troupe resume ${plain.out.trim()}`)
  })

  it('of no such step or run is one clear line', async () => {
    const at = place()
    twoSteps(at)
    at.write('mended', '')
    const { runId } = await at.troupe(['run', 'go', '--json'])
    for (const [args, says] of [
      [['runs', 'fork', runId], /--step is missing/],
      [['runs', 'fork', runId, '--step', '9'], /has no step 9.*steps 1 to 2/],
      [['runs', 'fork', runId, '--step', '0'], /--step must be a whole number from 1/],
      [['runs', 'fork', 'r0', '--step', '1'], /no run r0/],
      [['runs', 'redrive', 'r0'], /no run r0/],
      [['runs', 'why', 'r0'], /no run r0/],
    ] as const) {
      const { code, out, err } = await at.troupe(args)
      expect({ code, out, lines: err.trim().split('\n').length }).toEqual({ code: 2, out: '', lines: 1 })
      expect(err).toMatch(says)
    }
    expect((await at.troupe(['runs', 'ls', '--json'])).events).toHaveLength(1)
  })
})

describe('redrive', () => {
  it('tries a failed run again from the step in which it failed, as a new run', async () => {
    const at = place()
    twoSteps(at)
    const { runId, code } = await at.troupe(['run', 'go', '--json'])
    expect(code).toBe(1)
    const why = await told(at, 'runs', 'why', runId)
    expect(why).toMatchObject({
      status: 'failed',
      place: { agent: 'main', step: 2 },
      failedCall: { call: 'the model' },
      hint: expect.stringContaining(`troupe runs redrive ${runId}`),
    })
    const text = await at.troupe(['runs', 'why', runId])
    expect(text.out).toContain('it failed in step 2 of main')
    expect(text.out).toContain('the model was taken off')

    at.write('mended', '')
    const again = await at.troupe(['runs', 'redrive', runId, '--json'])
    expect(again).toMatchObject({ code: 0, last: { type: 'run-end', status: 'done', output: 3 } })
    expect(again.runId).not.toBe(runId)
    expect(again.events[0]).toEqual({ type: 'run-forked', runId: again.runId, forkedFrom: { run: runId, step: 2 } })
    expect(await told(at, 'runs', 'show', again.runId)).toMatchObject({ forkedFrom: { run: runId, step: 2 } })
    expect(await told(at, 'runs', 'show', runId)).toMatchObject({ status: 'failed' })
    expect(hits(at)).toEqual(['1', '2'])
  })

  it('of a run that goes on is refused, and begins nothing', async () => {
    const at = place()
    twoSteps(at, '1.0.0', 'await pay({ usd: 5 })')
    at.write('mended', '')
    const { runId, code } = await at.troupe(['run', 'go', '--json'])
    expect(code).toBe(4)
    expect(await at.troupe(['runs', 'redrive', runId])).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/is waiting: .*resume it, or cancel it first\n$/),
    })
    expect((await at.troupe(['runs', 'ls', '--json'])).events).toHaveLength(1)
    expect((await at.troupe(['runs', 'why', runId])).out).toContain(`troupe runs approve ${runId} 2.1`)
  })

  it('of a run that expired in the queue begins it anew', async () => {
    const at = place()
    twoSteps(at)
    at.write('mended', '')
    at.write(
      'enqueue.mjs',
      `import { openRuntime } from 'troupe'
       import { sqlite } from 'troupe/engine/sqlite'
       const { default: config } = await import('./troupe.config.ts')
       await using runtime = await openRuntime({ engine: sqlite({ path: '.troupe/troupe.db' }) })
       console.log(await runtime.enqueue(config.agents.main, 'go', { expiresInMs: 1 }))`,
    )
    const { execFileSync } = await import('node:child_process')
    const runId = execFileSync(process.execPath, ['enqueue.mjs'], { cwd: at.dir, encoding: 'utf8' }).trim()
    const worker = at.start(['worker', '--json'])
    await worker.event((line) => line.runId === runId && (line.type as string) === 'run-left')
    worker.child.kill('SIGTERM')
    await worker.ended
    expect(await told(at, 'runs', 'why', runId)).toMatchObject({ status: 'failed', error: { code: 'queue/expired' } })
    expect(await at.troupe(['runs', 'redrive', runId, '--json'])).toMatchObject({ code: 0, last: { type: 'run-end', output: 3 } })
  })
})

describe('another version of the agent', () => {
  it('is refused by resume, told by why, and taken with --adopt', async () => {
    const at = place()
    twoSteps(at, '1.4.0', 'finalAnswer(await pay({ usd: 5 }))')
    at.write('mended', '')
    const { runId } = await at.troupe(['run', 'go', '--json'])
    expect(await at.troupe(['runs', 'approve', runId])).toMatchObject({ code: 0 })

    twoSteps(at, '2.0.0', 'finalAnswer(await pay({ usd: 5 }))')
    const refused = await at.troupe(['resume', runId, '--json'])
    expect(refused).toMatchObject({ code: 1, out: '', err: expect.stringMatching(/is of main 1\.4\.0, here is 2\.0\.0.*--adopt/) })
    expect(refused.err.trim().split('\n')).toHaveLength(1)
    expect(await told(at, 'runs', 'why', runId)).toMatchObject({ hint: expect.stringContaining(`troupe resume ${runId} --adopt`) })
    expect(await at.troupe(['resume', runId, '--adopt', '--json'])).toMatchObject({ code: 0, last: { type: 'run-end', output: 'paid 5' } })
    expect(hits(at)).toEqual(['1'])
  })

  it('that a worker meets in the queue keeps the run there, as why says, until it is adopted', async () => {
    const at = place()
    twoSteps(at, '1.0.0')
    at.write('mended', '')
    const { runId } = await at.troupe(['run', 'go', '--detach'])
    twoSteps(at, '2.0.0')
    const worker = at.start(['worker', '--json'])
    const line = await worker.event((event) => (event.type as string) === 'run-left')
    expect(line).toMatchObject({ runId, status: 'dead', error: { code: 'run/incompatible' } })
    worker.child.kill('SIGTERM')
    expect(await worker.ended).toMatchObject({ code: 0 })
    expect((await at.troupe(['runs', 'ls'])).out).toMatch(new RegExp(`${runId} +dead`))
    expect(await told(at, 'runs', 'why', runId)).toMatchObject({
      error: { code: 'run/incompatible' },
      hint: expect.stringContaining('--adopt'),
    })
    expect(await at.troupe(['resume', runId, '--adopt', '--json'])).toMatchObject({ code: 0, last: { output: 3 } })
    expect(await told(at, 'runs', 'show', runId)).not.toHaveProperty('queue')
  })
})
