import { describe, expect, it } from 'vitest'
import { openAiServer } from '../../src/testing/openai-server.ts'
import { fence, place } from './cli-harness.ts'

const config = `import { codeAgent, defineConfig, tool } from 'troupe'
import { z } from 'zod'
const price = tool({ name: 'price', description: 'A price.', effect: 'read', input: z.object({ item: z.string() }), output: z.number(), run: ({ item }) => item.length })
export default defineConfig({ agents: { main: codeAgent({ name: 'main', description: 'Counts.', tools: [price], output: z.object({ total: z.number() }) }) } })`

describe('troupe run', () => {
  it('works against an OpenAI-compatible server, streaming, with the events to the letter', async () => {
    await using server = await openAiServer([
      { content: `I look first.\n${fence("const a = await price({ item: 'apple' })\nconsole.log('a is', a)")}` },
      { content: fence('finalAnswer({ total: a * 2 })') },
    ])
    const at = place()
    at.write('troupe.config.ts', config)
    const { code, err, events, last, runId } = await at.troupe([
      'run',
      'two apples?',
      '--model',
      'openai-compatible:m',
      '--base-url',
      server.baseUrl,
      '--json',
    ])
    expect(err).toBe('')
    expect(code).toBe(0)
    expect(server.requests.every((request) => request.body.stream)).toBe(true)
    expect(Object.keys(last).toSorted()).toEqual(['agent', 'at', 'error', 'output', 'runId', 'seq', 'status', 'steps', 'type', 'usage'])
    expect(last).toMatchObject({ type: 'run-end', status: 'done', output: { total: 10 }, steps: 2, error: null, usage: { costUsd: null } })
    expect(Object.keys(last['usage'] as object).toSorted()).toEqual(['costUsd', 'inputTokens', 'outputTokens'])
    const durable = events.filter((event) => event.type !== 'model-delta')
    expect(durable.map((event) => event.type).join(' ')).toBe(
      'run-start step-start model-end code tool-start tool-end print step-end step-start model-end code step-end run-end',
    )
    expect(durable.map((event) => event.seq)).toEqual(durable.map((event) => event.seq).toSorted((a = 0, b = 0) => a - b))
    const deltas = events.filter((event) => event.type === 'model-delta')
    expect(deltas.length).toBeGreaterThan(0)
    expect(deltas.every((event) => event.seq === undefined)).toBe(true)
    expect(events.find((event) => event.type === 'tool-start')).toMatchObject({
      tool: 'price',
      args: { item: 'apple' },
      callId: `${runId}:1.1`,
    })
  })

  it('reads the task from standard input and prints plain lines when piped', async () => {
    const at = place()
    const model = at.script(`Now.\n${fence("console.log('seen')\nfinalAnswer(task)")}`)
    at.write('context.json', '{ "task": "from context" }')
    const { code, out, err } = await at.troupe(['run', '--model', model, '--context', 'context.json', '--store', 'memory:'], {
      input: 'the piped task\n',
    })
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toContain('the piped task')
    expect(out).toContain('seen')
    expect(out).not.toContain('\u001b')
    expect(out.trimEnd().split('\n').slice(-2)).toEqual([expect.stringMatching(/^done: 1 step, /), 'from context'])
  })

  it('prefers the model of the agent over --model over that of the configuration', async () => {
    const at = place()
    const model = at.script(fence('finalAnswer(1)'))
    at.write('troupe.config.ts', `export default { model: 'openai:gpt-5', store: 'memory:' }`)
    expect(await at.troupe(['run', 'x'], { env: { OPENAI_API_KEY: '' } })).toMatchObject({ code: 2 })
    expect(await at.troupe(['run', 'x', '--model', model, '--json'], { env: { OPENAI_API_KEY: '' } })).toMatchObject({
      code: 0,
      last: { output: 1 },
    })

    at.write(
      'troupe.config.ts',
      `import { codeAgent } from 'troupe'
       import { scriptModel } from 'troupe/models'
       const model = scriptModel([{ turns: [{ content: 'finalAnswer(2)' }] }])
       export default { model: '${model}', store: 'memory:', agents: { own: codeAgent({ name: 'own', description: 'x', model }), main: codeAgent({ name: 'other', description: 'x' }) } }`,
    )
    expect(await at.troupe(['run', 'x', '--agent', 'own', '--model', model, '--json'])).toMatchObject({ last: { agent: 'own', output: 2 } })
    expect(await at.troupe(['run', 'x', '--json'])).toMatchObject({ code: 0, last: { agent: 'other', output: 1 } })
  })

  it('ends with 3 at a limit of steps, tokens, money or time', async () => {
    const at = place()
    const model = at.script(fence('1'), fence('2'), fence('3'))
    const run = (...flags: readonly string[]) => at.troupe(['run', 'x', '--model', model, '--store', 'memory:', '--json', ...flags])
    const limit = { code: 3, last: { type: 'run-end', status: 'limit', error: { code: 'budget/spent', message: expect.any(String) } } }
    expect(await run('--max-steps', '2')).toMatchObject(limit)
    expect(await run('--budget-tokens', '200')).toMatchObject(limit)
    at.write('slow.json', JSON.stringify([{ turns: [{ content: 'finalAnswer(1)', delayMs: 5_000 }] }]))
    expect(await at.troupe(['run', 'x', '--model', 'script:slow.json', '--timeout', '0.4', '--json'])).toMatchObject(limit)
    // A script costs nothing, so no amount is too small for it.
    const free = at.script('finalAnswer(1)')
    expect(await at.troupe(['run', 'x', '--model', free, '--budget-usd', '0.01', '--json'])).toMatchObject({ code: 0, last: { output: 1 } })
  })

  it('ends with 1 when it failed, and says why', async () => {
    const at = place()
    const model = at.script(fence('1'))
    const json = await at.troupe(['run', 'x', '--model', model, '--json'])
    expect(json).toMatchObject({ code: 1, last: { type: 'run-end', status: 'failed', output: null, error: { code: 'model/no-turn' } } })
    const plain = await at.troupe(['run', 'x', '--model', model])
    expect(plain.code).toBe(1)
    expect(plain.out).toMatch(/failed: .*\n.*model\/no-turn: the script has 1 turns/)
  })

  it('ends with 2 and stays readable when an agent turns out to have no model or a context key hides a tool', async () => {
    const at = place()
    at.write('troupe.config.ts', config)
    expect(await at.troupe(['run', 'x', '--json'])).toMatchObject({ code: 2 })
    at.write('context.json', '{ "price": 1 }')
    expect(await at.troupe(['run', 'x', '--model', at.script('x'), '--context', 'context.json', '--json'])).toMatchObject({ code: 2 })
  })

  it('leaves a handle that the configuration has opened', async () => {
    const at = place()
    at.write('troupe.config.ts', `setInterval(() => {}, 1000)\nexport default { store: 'memory:' }`)
    expect(await at.troupe(['run', 'x', '--model', at.script('finalAnswer(1)'), '--json'])).toMatchObject({ code: 0 })
  })

  it('writes all of a long output before it exits, and minds no reader that has gone', async () => {
    const at = place()
    const model = at.script(fence(`console.log('x'.repeat(200_000))\nfinalAnswer('y'.repeat(500_000))`))
    const { code, last, runId } = await at.troupe(['run', 'x', '--model', model, '--json'])
    expect(code).toBe(0)
    expect(last['output']).toHaveLength(500_000)
    const started = at.start(['runs', 'export', runId, '--log'])
    started.child.stdout?.destroy()
    expect(await started.ended).toMatchObject({ code: 0, err: '' })
  })
})

describe('a session', () => {
  it('goes on from its ended runs, for one tenant, and is shown', async () => {
    const at = place()
    const model = at.script(fence('var kept = 4; finalAnswer(kept)'), fence('finalAnswer([typeof kept, kept + 1])'))
    const run = (...flags: readonly string[]) => at.troupe(['run', 'x', '--model', model, '--session', 'desk', '--json', ...flags])
    expect(await run('--tenant', 'acme')).toMatchObject({ code: 0, last: { output: 4 } })
    const second = await run('--tenant', 'acme')
    expect(second).toMatchObject({ code: 0, last: { output: ['number', 5] } })
    expect(await run('--tenant', 'other')).toMatchObject({ last: { output: 4 } })
    expect((await at.troupe(['runs', 'show', second.runId])).out).toMatch(/^session  desk\ntenant {3}acme$/m)
    expect(JSON.parse((await at.troupe(['runs', 'show', second.runId, '--json'])).out)).toMatchObject({ session: 'desk', tenant: 'acme' })
  })

  it('has one run at a time: a second one is refused in one line', async () => {
    const at = place()
    at.write(
      'troupe.config.ts',
      `import { codeAgent, tool } from 'troupe'
import { z } from 'zod'
const pay = tool({ name: 'pay', description: 'Pays.', effect: 'irreversible', input: z.object({}), run: () => 'paid' })
export default { agents: { main: codeAgent({ name: 'main', description: 'Pays.', tools: [pay] }) } }`,
    )
    const model = at.script(fence('finalAnswer(await pay({}))'))
    const run = () => at.troupe(['run', 'x', '--model', model, '--session', 'desk', '--json'])
    const first = await run()
    expect(first.code).toBe(4)
    const { code, out, err } = await run()
    expect({ code, out, lines: err.trim().split('\n').length }).toEqual({ code: 1, out: '', lines: 1 })
    expect(err).toMatch(new RegExp(`^troupe: session 'desk' of agent main has run ${first.runId}, which has not ended`))
    await at.troupe(['runs', 'cancel', first.runId])
    expect((await run()).code).toBe(4)
  })
})

describe('a long text', () => {
  it('is cut in the middle where people read it, and whole in --json', async () => {
    const at = place()
    const model = at.script(
      fence('const rows = Array.from({ length: 200 }, (_, n) => `row ${n}`)\nconsole.log(rows.join("\\n"))\nfinalAnswer(rows)'),
    )
    const { out, code } = await at.troupe(['run', 'x', '--model', model])
    expect(code).toBe(0)
    const lines = out.trimEnd().split('\n')
    const printed = lines.filter((line) => line.startsWith('  > '))
    expect(printed.slice(19)).toEqual(['  > row 19', ...Array.from({ length: 20 }, (_, n) => `  > row ${180 + n}`)])
    expect(lines).toContain('… 160 lines left out, --json shows all …')
    expect(lines.slice(lines.findIndex((line) => line.startsWith('done:')) + 1)).toHaveLength(41)
    const list = await at.troupe(['runs', 'ls', '--json'])
    const shown = (await at.troupe(['runs', 'show', list.runId])).out
    expect(shown).toMatch(/^output {3}\[\n {11}"row 0",\n[^]*… 162 lines left out[^]*"row 199"\n {9}\]$/m)
    expect((await at.troupe(['runs', 'show', list.runId, '--json'])).last['output']).toHaveLength(200)
  })
})

describe('troupe runs', () => {
  it('shows what a run has left behind', async () => {
    const at = place()
    const model = at.script(fence("console.log('first')"), fence('finalAnswer({ a: [1] })'))
    const { last, events, runId } = await at.troupe(['run', 'the task', '--model', model, '--json'])

    const shown = JSON.parse((await at.troupe(['runs', 'show', runId, '--json'])).out)
    const { type: _, at: _at, seq: _seq, ...fields } = last
    expect(shown).toEqual({ ...fields, task: 'the task', createdAt: events[0]?.at, waits: [] })
    expect((await at.troupe(['runs', 'show', runId])).out).toMatch(/^status {3}done$/m)

    expect(JSON.parse((await at.troupe(['runs', 'ls', '--json'])).out)).toEqual(shown)
    expect((await at.troupe(['runs', 'ls'])).out).toMatch(new RegExp(`^${runId} +done +main +2 `, 'm'))

    const again = await at.troupe(['runs', 'events', runId, '--json'])
    expect(again.events).toEqual(events.filter((event) => event.type !== 'model-delta'))
    const after = await at.troupe(['runs', 'events', runId, '--json', '--after', '3'])
    expect(after.events.map((event) => event.seq)).toEqual(again.events.map((event) => event.seq).filter((seq = 0) => seq > 3))
    expect((await at.troupe(['runs', 'events', runId])).out).toContain('> first')

    const entries = (await at.troupe(['runs', 'export', runId, '--log'])).out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(entries.map((entry) => entry.seq)).toEqual(entries.map((_entry, at) => at + 1))
    expect(entries[0]).toMatchObject({ run: runId, key: 'start', type: 'run-start', body: { input: { task: 'the task' } } })
  })
})
