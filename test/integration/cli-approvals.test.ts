import { describe, expect, it } from 'vitest'
import { fence, place, type Place } from './cli-harness.ts'

/** An agent whose one tool asks before it does anything, and says in the file `paid` that it did. */
function paying(at: Place, store = ''): void {
  at.write(
    'troupe.config.ts',
    `import { appendFileSync } from 'node:fs'
     import { codeAgent, defineConfig, tool } from 'troupe'
     import { z } from 'zod'
     const pay = tool({ name: 'pay', description: 'Pays.', effect: 'irreversible', input: z.object({ usd: z.number() }), output: z.string(), run: ({ usd }) => { appendFileSync('paid', usd + '\\n'); return 'paid ' + usd } })
     export default defineConfig({ model: '${at.script(fence('const said = await pay({ usd: 5 }).catch((error) => error.message)\nfinalAnswer(said)'))}', agents: { main: codeAgent({ name: 'main', description: 'Pays.', tools: [pay] }) }${store && `, store: '${store}'`} })`,
  )
}

describe('approvals', () => {
  it('a run without a terminal is left waiting with 4, is approved by a second process and resumed by a third', async () => {
    const at = place()
    paying(at)
    const first = await at.troupe(['run', 'pay', '--json'])
    const { runId } = first
    expect(first.code).toBe(4)
    expect(first.last).toMatchObject({
      type: 'run-waiting',
      status: 'waiting',
      output: null,
      error: null,
      steps: 1,
      waits: [{ callId: `${runId}:1.1`, reason: 'approval', question: expect.any(String) }],
    })

    expect(await at.troupe(['resume', runId, '--json'])).toMatchObject({
      code: 4,
      last: { type: 'run-waiting', waits: first.last['waits'] },
    })
    expect(JSON.parse((await at.troupe(['runs', 'show', runId, '--json'])).out)).toMatchObject({
      status: 'waiting',
      waits: first.last['waits'],
    })

    expect(await at.troupe(['runs', 'approve', runId, '--json'])).toMatchObject({
      code: 0,
      last: { callId: `${runId}:1.1`, decision: 'approve', open: [] },
    })
    expect(await at.troupe(['runs', 'approve', runId, '1.1'])).toMatchObject({ code: 1, err: expect.stringContaining('decided already') })

    const last = await at.troupe(['resume', runId, '--json'])
    expect(last).toMatchObject({ code: 0, last: { type: 'run-end', status: 'done', output: 'paid 5' } })
    expect(last.events.every((event) => (event.seq ?? Infinity) > Number(first.last['seq']))).toBe(true)

    expect(await at.troupe(['resume', runId, '--json'])).toMatchObject({
      code: 0,
      out: expect.stringContaining('paid 5'),
      events: { length: 1 },
      last: { type: 'run-end' },
    })
    expect(await at.troupe(['runs', 'approve', runId])).toMatchObject({ code: 1, err: expect.stringContaining('waits for no approval') })
  })

  it('a rejection reaches the model with its reason', async () => {
    const at = place()
    paying(at)
    const { runId } = await at.troupe(['run', 'pay', '--json'])
    expect(await at.troupe(['runs', 'reject', runId, '--reason', 'too dear'])).toMatchObject({
      code: 0,
      out: expect.stringContaining('rejected'),
    })
    expect(await at.troupe(['resume', runId, '--json'])).toMatchObject({
      code: 0,
      last: { output: expect.stringContaining('too dear') },
    })
  })

  it('an approval with a result stands for the call', async () => {
    const at = place()
    paying(at)
    const { runId } = await at.troupe(['run', 'pay', '--json'])
    await at.troupe(['runs', 'approve', runId, '--result', '"by hand"'])
    expect(await at.troupe(['resume', runId, '--json'])).toMatchObject({ code: 0, last: { output: 'by hand' } })
  })

  it('with --wait the run stays and goes on by itself', async () => {
    const at = place()
    paying(at)
    const run = at.start(['run', 'pay', '--json', '--wait', '20'])
    const { runId } = await run.event((event) => event.type === 'run-waiting')
    expect(await at.troupe(['runs', 'approve', runId])).toMatchObject({ code: 0 })
    const ended = await run.ended
    expect(ended).toMatchObject({ code: 0, last: { type: 'run-end', output: 'paid 5' } })
    expect(ended.events.find((event) => event.type === 'approval-given')).toMatchObject({ decision: 'approve', by: 'user' })
  })

  it('with --wait the run is left when nobody came', async () => {
    const at = place()
    paying(at)
    const started = Date.now()
    expect(await at.troupe(['run', 'pay', '--json', '--wait', '0.8'])).toMatchObject({ code: 4, last: { type: 'run-waiting' } })
    expect(Date.now() - started).toBeGreaterThan(800)
  })

  it('in memory nobody can answer, so it is refused', async () => {
    const at = place()
    paying(at, 'memory:')
    const { code, last } = await at.troupe(['run', 'pay', '--json'])
    expect({ code, last }).toMatchObject({ code: 0, last: { type: 'run-end', output: expect.stringContaining('nobody can be asked') } })
  })

  it('a waiting run can be cancelled without a worker', async () => {
    const at = place()
    paying(at)
    const { runId } = await at.troupe(['run', 'pay', '--json'])
    expect(await at.troupe(['runs', 'cancel', runId])).toMatchObject({ code: 0, out: `cancelled ${runId}\n` })
    expect(await at.troupe(['resume', runId, '--json'])).toMatchObject({ code: 130, last: { type: 'run-end', status: 'cancelled' } })
    expect(await at.troupe(['runs', 'signal', runId, 'topic', '1'])).toMatchObject({ code: 1 })
  })
})
