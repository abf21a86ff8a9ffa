import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { fence, place, type Place, type Started } from './cli-harness.ts'

/** An agent whose tool notes each call in the file `hits`; the third one hangs until the file `go` is there. */
function hitting(at: Place): void {
  const code = 'let sum = 0\nfor (let n = 1; n <= 4; n++) sum += await hit({ n })\nfinalAnswer(sum)'
  at.write(
    'troupe.config.ts',
    `import { appendFileSync, existsSync } from 'node:fs'
     import { codeAgent, defineConfig, tool } from 'troupe'
     import { z } from 'zod'
     const hit = tool({ name: 'hit', description: 'Hits.', effect: 'idempotent', input: z.object({ n: z.number() }), output: z.number(), run: async ({ n }, { signal }) => {
       while (n === 3 && !existsSync('go')) { signal.throwIfAborted(); await new Promise((resolve) => setTimeout(resolve, 20)) }
       appendFileSync('hits', n + '\\n')
       return n
     } })
     export default defineConfig({ model: '${at.script(fence(code))}', agents: { main: codeAgent({ name: 'main', description: 'Hits.', tools: [hit] }) } })`,
  )
}

const third = (run: Started) => run.event((event) => event.type === 'tool-start' && JSON.stringify(event.args) === '{"n":3}')
const hits = (at: Place) => readFileSync(join(at.dir, 'hits'), 'utf8').trim().split('\n')

async function resumed(at: Place, runId: string): Promise<void> {
  at.write('go', '')
  const again = await at.troupe(['resume', runId, '--json'])
  expect(again).toMatchObject({ code: 0, last: { type: 'run-end', status: 'done', output: 10 } })
  expect(hits(at)).toEqual(['1', '2', '3', '4'])
  expect(new Set(again.events.map((event) => event.agent))).toEqual(new Set(['main']))
  const types = again.events.map((event) => event.type)
  expect(types.filter((type) => type === 'run-start' || type === 'model-end')).toEqual([])
}

describe('a run that is stopped', () => {
  it('goes on after kill -9: finished calls are not repeated, the model is not asked again', async () => {
    const at = place()
    hitting(at)
    const run = at.start(['run', 'go', '--json'])
    const { runId } = await third(run)
    run.child.kill('SIGKILL')
    await run.ended
    expect(JSON.parse((await at.troupe(['runs', 'show', runId, '--json'])).out)).toMatchObject({ status: 'running' })
    await resumed(at, runId)
  })

  it('stops resumably on SIGTERM, with 143', async () => {
    const at = place()
    hitting(at)
    const run = at.start(['run', 'go', '--json'])
    const { runId } = await third(run)
    run.child.kill('SIGTERM')
    const ended = await run.ended
    expect(ended.code).toBe(143)
    expect(ended.err).toContain(`troupe resume ${runId}`)
    expect(ended.last['type']).toBe('tool-start')
    await resumed(at, runId)
  })

  it('is cancelled by Ctrl-C, with 130 and an end', async () => {
    const at = place()
    hitting(at)
    const run = at.start(['run', 'go', '--json'])
    const { runId } = await third(run)
    run.child.kill('SIGINT')
    const ended = await run.ended
    expect(ended.code).toBe(130)
    expect(ended.last).toMatchObject({ type: 'run-end', runId, status: 'cancelled', output: null, error: { code: 'run/cancelled' } })
    expect(await at.troupe(['resume', runId])).toMatchObject({ code: 130 })
    expect(hits(at)).toEqual(['1', '2'])
  })

  it('ends at once with a second Ctrl-C, even when a tool keeps the process busy', async () => {
    const at = place()
    at.write(
      'troupe.config.ts',
      `import { codeAgent, defineConfig, tool } from 'troupe'
       import { z } from 'zod'
       const hang = tool({ name: 'hang', description: 'Hangs.', effect: 'read', input: z.object({}), run: () => new Promise(() => {}) })
       export default defineConfig({ model: '${at.script(fence('await hang({})'))}', agents: { main: codeAgent({ name: 'main', description: 'Hangs.', tools: [hang] }) } })`,
    )
    const run = at.start(['run', 'go', '--json'])
    await run.event((event) => event.type === 'tool-start')
    run.child.kill('SIGINT')
    await wait(5)
    run.child.kill('SIGINT')
    // By then the first one may have done its work, and the second one ends a process that listens no more: a shell sees 130 either way.
    const { code } = await run.ended
    expect(code ?? run.child.signalCode).toSatisfy((end) => end === 130 || end === 'SIGINT')
  })

  it('is cancelled by another process while it is followed', async () => {
    const at = place()
    hitting(at)
    const run = at.start(['run', 'go', '--json'])
    const { runId } = await third(run)
    expect(await at.troupe(['runs', 'cancel', runId])).toMatchObject({ code: 0 })
    at.write('go', '')
    const ended = await run.ended
    expect(ended).toMatchObject({ code: 130, last: { type: 'run-end', status: 'cancelled' } })
  })

  it('is not spoilt by a resume without its agent or its model', async () => {
    const at = place()
    const model = at.script(fence('1'), fence('finalAnswer(2)')).replace('script:', '')
    const slow = readFileSync(model, 'utf8').replaceAll('"content"', '"delayMs":500,"content"')
    at.write('slow.json', slow)
    at.write(
      'troupe.config.ts',
      `import { codeAgent } from 'troupe'\nexport default { agents: { main: codeAgent({ name: 'sole', description: 'x' }) } }`,
    )
    const run = at.start(['run', 'go', '--model', 'script:slow.json', '--json'])
    const { runId } = await run.event((event) => event.type === 'step-end')
    run.child.kill('SIGKILL')
    await run.ended

    expect(await at.troupe(['resume', runId])).toMatchObject({ code: 2, err: expect.stringMatching(/^troupe: .*--model\n$/) })
    at.write(
      'other.config.ts',
      `import { codeAgent } from 'troupe'\nexport default { agents: { main: codeAgent({ name: 'other', description: 'x' }) } }`,
    )
    expect(await at.troupe(['resume', runId, '--config', 'other.config.ts'])).toMatchObject({
      code: 2,
      err: expect.stringContaining("agent 'sole'"),
    })
    expect(await at.troupe(['resume', runId, '--model', 'script:slow.json', '--json'])).toMatchObject({
      code: 0,
      last: { status: 'done', output: 2 },
    })
    expect(existsSync(join(at.dir, '.troupe/troupe.db'))).toBe(true)
  })
})
