import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openAiServer } from '../../src/testing/openai-server.ts'
import { fence, place, type Place } from './cli-harness.ts'

/** A team: `helper` names a model of its own, `main` takes the one that is given. */
const TEAM = `import { codeAgent, defineConfig, tool } from 'troupe'
import { scriptModel } from 'troupe/models'
import { z } from 'zod'
let calls = 0
const count = tool({ name: 'count', description: 'Counts.', effect: 'read', input: z.object({}), output: z.number(), run: () => (process.env['FLAT'] ? 1 : ++calls) })
const model = scriptModel([{ turns: [{ content: process.env['HELPER'] ?? 'finalAnswer(n * 2)' }] }])
const helper = codeAgent({ name: 'helper', description: 'Helps.', model })
export default defineConfig({ agents: { main: codeAgent({ name: 'main', description: 'Leads.', agents: [helper], tools: [count] }) } })`

const TURNS = [
  'const seen = [await count({}), await count({})]\nconsole.log(seen.join())',
  "const parts = await Promise.all([1, 2].map((n) => helper({ task: 'double', context: { n } })))\nfinalAnswer([...seen, ...parts])",
].map(fence)

const records = (text: string): { by: object; answer: { content: unknown[] } }[] =>
  text
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => JSON.parse(line))

function team(): Place & { readonly model: string } {
  const at = place()
  at.write('troupe.config.ts', TEAM)
  return { ...at, model: at.script(...TURNS) }
}

describe('troupe run --record', () => {
  it('writes what all agents ask and are answered, those with a model of their own too, and tape: replays it', async () => {
    const at = team()
    const live = await at.troupe(['run', 'the task', '--model', at.model, '--record', 'a.tape', '--json'])
    expect(live).toMatchObject({ code: 0, last: { output: [1, 2, 2, 4] } })
    const tape = readFileSync(join(at.dir, 'a.tape'), 'utf8')
    expect(records(tape).map(({ by }) => by)).toEqual(
      expect.arrayContaining([
        { agent: 'main', run: '', step: '1.model' },
        { agent: 'main', run: '', step: '2.model' },
        { agent: 'helper', run: '2.1', step: '1.model' },
        { agent: 'helper', run: '2.2', step: '1.model' },
      ]),
    )

    // The helper's own model would now say something else, and is not asked.
    const args = ['run', 'the task', '--model', 'tape:a.tape', '--record', 'b.tape', '--json']
    const replay = await at.troupe(args, { env: { HELPER: 'finalAnswer(0)' } })
    expect(replay).toMatchObject({ code: 0, err: '', last: { output: [1, 2, 2, 4], usage: { costUsd: 0 } } })
    expect(records(readFileSync(join(at.dir, 'b.tape'), 'utf8'))).toHaveLength(4)
  })

  it('fails a replay at a prompt that is not on the tape, and shows where the nearest one differs', async () => {
    const at = team()
    await at.troupe(['run', 'the task', '--model', at.model, '--record', 'a.tape', '--json'])
    const other = await at.troupe(['run', 'the task', '--model', 'tape:a.tape'], { env: { FLAT: '1' } })
    expect(other.code).toBe(1)
    expect(other.out).toMatch(
      /^model\/no-turn: the tape has no answer to this prompt of main, step 2\.model; .*\n(.*\n)*- user: .*1,2.*\n\+ user: .*1,1/m,
    )
    const json = await at.troupe(['run', 'another task', '--model', 'tape:a.tape', '--json'])
    expect(json).toMatchObject({
      code: 1,
      last: { status: 'failed', error: { code: 'model/no-turn', message: expect.stringContaining('+ user: ') } },
    })
  })

  it('leaves an old tape alone when the run cannot begin', async () => {
    const at = team()
    at.write('a.tape', 'precious')
    expect(await at.troupe(['run', 'x', '--model', at.model, '--agent', 'mian', '--record', 'a.tape'])).toMatchObject({ code: 2 })
    expect(readFileSync(join(at.dir, 'a.tape'), 'utf8')).toBe('precious')
  })

  it('goes on with its tape when the run is resumed', async () => {
    const at = place()
    at.write(
      'troupe.config.ts',
      `import { codeAgent, tool } from 'troupe'
import { z } from 'zod'
const pay = tool({ name: 'pay', description: 'Pays.', effect: 'irreversible', input: z.object({}), run: () => 'paid' })
export default { agents: { main: codeAgent({ name: 'main', description: 'Pays.', tools: [pay] }) } }`,
    )
    const model = at.script(fence('const how = await pay({})'), fence('finalAnswer(how)'))
    const first = await at.troupe(['run', 'pay', '--model', model, '--record', 'a.tape', '--json'])
    expect(first.code).toBe(4)
    await at.troupe(['runs', 'approve', first.runId])
    expect(await at.troupe(['resume', first.runId, '--model', model, '--record', 'a.tape', '--json'])).toMatchObject({ code: 0 })
    expect(records(readFileSync(join(at.dir, 'a.tape'), 'utf8')).map(({ by }) => by)).toMatchObject([
      { step: '1.model' },
      { step: '2.model' },
    ])
  })
})

describe('troupe runs export', () => {
  it('makes the tape that --record would have written, of a run that nobody recorded', async () => {
    const at = team()
    const live = await at.troupe(['run', 'the task', '--model', at.model, '--record', 'a.tape', '--json'])
    const exported = await at.troupe(['runs', 'export', live.runId], { env: { HELPER: 'finalAnswer(0)' } })
    expect(exported).toMatchObject({ code: 0, err: '' })
    const byPlace = (text: string) =>
      records(text)
        .map(({ by, answer, ...rest }) => ({ by, ...rest, content: answer.content }))
        .toSorted((a, b) => (JSON.stringify(a.by) < JSON.stringify(b.by) ? -1 : 1))
    expect(byPlace(exported.out)).toEqual(byPlace(readFileSync(join(at.dir, 'a.tape'), 'utf8')))

    at.write('b.tape', exported.out)
    const replay = await at.troupe(['run', 'the task', '--model', 'tape:b.tape', '--store', 'memory:', '--json'], { env: { HELPER: '' } })
    expect(replay).toMatchObject({ code: 0, last: { output: [1, 2, 2, 4] } })
  })

  it('works on a run of native tool calls, and on one that waits, and asks and calls nothing', async () => {
    const at = place()
    await using server = await openAiServer([
      { content: 'I look.', toolCalls: [{ id: 'c1', name: 'look', arguments: { at: 'x' } }] },
      { toolCalls: [{ id: 'c2', name: 'pay', arguments: {} }] },
      { content: 'It is paid.' },
    ])
    at.write(
      'troupe.config.ts',
      `import { appendFileSync } from 'node:fs'
import { toolAgent, tool } from 'troupe'
import { z } from 'zod'
const look = tool({ name: 'look', description: 'Looks.', effect: 'read', input: z.object({ at: z.string() }), run: () => (appendFileSync('calls', 'x'), 'nice') })
const pay = tool({ name: 'pay', description: 'Pays.', effect: 'irreversible', input: z.object({}), run: () => 'paid' })
export default { model: 'openai:gpt-5', agents: { main: toolAgent({ name: 'main', description: 'Pays.', tools: [look, pay] }) } }`,
    )
    const env = { OPENAI_API_KEY: '' }
    const model = ['--model', 'openai-compatible:m', '--base-url', server.baseUrl]
    const { runId, code } = await at.troupe(['run', 'pay', ...model, '--json'], { env })
    expect(code).toBe(4)
    const waiting = await at.troupe(['runs', 'export', runId], { env })
    expect({ code: waiting.code, err: waiting.err, answers: records(waiting.out).length }).toEqual({ code: 0, err: '', answers: 2 })

    await at.troupe(['runs', 'approve', runId], { env })
    expect(await at.troupe(['resume', runId, ...model, '--json'], { env })).toMatchObject({ code: 0, last: { output: 'It is paid.' } })
    at.write('a.tape', (await at.troupe(['runs', 'export', runId], { env })).out)
    expect(readFileSync(join(at.dir, 'calls'), 'utf8')).toBe('x')
    expect(server.requests).toHaveLength(3)

    const replay = await at.troupe(['run', 'pay', '--model', 'tape:a.tape', '--json'], { env })
    expect(replay.code).toBe(4)
    await at.troupe(['runs', 'approve', replay.runId], { env })
    expect(await at.troupe(['resume', replay.runId, '--model', 'tape:a.tape', '--json'], { env })).toMatchObject({
      last: { output: 'It is paid.' },
    })
  })

  it('does not ask again what a killed run had in flight', async () => {
    const at = place()
    at.write('slow.json', JSON.stringify([{ turns: [{ content: fence('const a = 1') }, { content: 'finalAnswer(a)', delayMs: 60_000 }] }]))
    at.write(
      'troupe.config.ts',
      `import { codeAgent } from 'troupe'
import { resolveModel } from 'troupe/models'
export default { agents: { main: codeAgent({ name: 'main', description: 'Slow.', model: await resolveModel('script:slow.json') }) } }`,
    )
    const run = at.start(['run', 'x', '--json'])
    const { runId } = await run.event((event) => event.type === 'step-start' && event.step === 2)
    run.child.kill('SIGKILL')
    await run.ended
    const { code, out } = await at.troupe(['runs', 'export', runId])
    expect({ code, by: records(out).map(({ by }) => by) }).toEqual({ code: 0, by: [{ agent: 'main', run: '', step: '1.model' }] })
  })

  it('needs the agents of the run, as they were', async () => {
    const at = team()
    const { runId } = await at.troupe(['run', 'the task', '--model', at.model, '--json'])
    const refusal = async (): Promise<string> => {
      const { code, out, err } = await at.troupe(['runs', 'export', runId])
      expect({ out, lines: err.trim().split('\n').length }).toEqual({ out: '', lines: 1 })
      return `${code} ${err}`
    }
    at.write('troupe.config.ts', TEAM.replace("name: 'main', d", "name: 'boss', d"))
    expect(await refusal()).toMatch(/^2 .*is of agent 'main', which is not configured here; there are boss/)
    at.write('troupe.config.ts', TEAM.replace("name: 'helper'", "name: 'aide'"))
    expect(await refusal()).toMatch(/^2 .*is of agent 'helper', which main has not; there are aide/)
    at.write('troupe.config.ts', TEAM.replaceAll('count', 'total'))
    expect(await refusal()).toMatch(/^1 .*does not do again what its log says/)
    expect((await at.troupe(['runs', 'export', runId, '--log'])).code).toBe(0)
    expect(await at.troupe(['runs', 'export', `${runId}-2.1`])).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringContaining(`part of ${runId}`),
    })
  })
})
