import { spawnSync } from 'node:child_process'
import { accessSync, chmodSync, constants, cpSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { fence, place, type Ended, type Place } from './cli-harness.ts'
import { onlyWhenAllAsked } from '../services.ts'

vi.setConfig({ testTimeout: 120_000 }) // Many processes, on machines of two cores.

const root = join(import.meta.dirname, '../..')

/** One clear line for people, nothing for programs, and the exit code. */
function refused({ code, out, err }: Ended, expected: number, says: RegExp): void {
  expect(err).toMatch(says)
  expect({ code, out, lines: err.trim().split('\n').length }).toEqual({ code: expected, out: '', lines: 1 })
}

/** A run that has ended; its store is the default one of the place. */
async function endedRun(at: Place, code: string = 'finalAnswer(1)'): Promise<string> {
  const { code: exit, runId } = await at.troupe(['run', 'go', '--model', at.script(fence(code)), '--json'])
  expect(exit).toBe(0)
  return runId
}

function paying(at: Place): void {
  at.write(
    'troupe.config.ts',
    `import { codeAgent, defineConfig, tool } from 'troupe'
     import { z } from 'zod'
     const pay = tool({ name: 'pay', description: 'Pays.', effect: 'irreversible', input: z.object({ usd: z.number() }), output: z.string(), run: ({ usd }) => 'paid ' + usd })
     export default defineConfig({ model: '${at.script(fence('finalAnswer(await pay({ usd: 5 }))'))}', agents: { main: codeAgent({ name: 'main', description: 'Pays.', tools: [pay] }) } })`,
  )
}

const store = (at: Place): string => join(at.dir, '.troupe/troupe.db')

function formatOf(at: Place): number {
  const database = new DatabaseSync(store(at))
  const format = Number(database.prepare('pragma user_version').get()?.['user_version'])
  database.close()
  return format
}

function edit(at: Place, sql: string): void {
  const database = new DatabaseSync(store(at))
  database.exec(sql)
  database.close()
}

it('a run that is not there is one line, whatever is asked of it', async () => {
  const at = place()
  await endedRun(at)
  const model = ['--model', at.script(fence('finalAnswer(1)'))]
  const commands = ['show', 'events', 'why', 'approve', 'cancel'].map((command) => ['runs', command, 'rX'])
  const more = [
    ['runs', 'reject', 'rX', '1.1'],
    ['runs', 'signal', 'rX', 'topic', '1'],
    ['runs', 'fork', 'rX', '--step', '1'],
    ['runs', 'export', 'rX', '--log'],
    ['runs', 'redrive', 'rX', ...model],
    ['resume', 'rX', ...model],
    ['resume', 'rX', '--adopt', ...model],
  ]
  for (const command of [...commands, ...more]) refused(await at.troupe(command), 2, /no run rX/)
  expect((await at.troupe(['runs', 'ls', '--json'])).events).toHaveLength(1)
})

describe('answers that come too late', () => {
  it('a second decision, one of no such call, and any after the end', async () => {
    const at = place()
    paying(at)
    const { runId } = await at.troupe(['run', 'pay', '--json'])
    refused(await at.troupe(['runs', 'approve', runId, '9.9']), 1, /9\.9/)
    expect(await at.troupe(['runs', 'approve', runId])).toMatchObject({ code: 0 })
    refused(await at.troupe(['runs', 'approve', runId, '1.1']), 1, /decided already/)
    refused(await at.troupe(['runs', 'reject', runId, '1.1']), 1, /decided already/)
    expect(await at.troupe(['resume', runId, '--json'])).toMatchObject({ code: 0, last: { output: 'paid 5' } })
    refused(await at.troupe(['runs', 'approve', runId, '1.1']), 1, /decided already|waits for no approval|has ended/)
    refused(await at.troupe(['runs', 'signal', runId, 'topic', '1']), 1, /has ended/)
    expect(await at.troupe(['runs', 'cancel', runId])).toMatchObject({ code: 0, out: `${runId} had ended before: done\n` })
    expect((await at.troupe(['runs', 'show', runId, '--json'])).last).toMatchObject({ status: 'done', output: 'paid 5' })
  })
})

describe('a store that this program cannot use', () => {
  const commands = ['runs ls', 'runs show rX', 'resume rX', 'run x', 'run x --detach', 'run x --priority 1', 'worker']

  async function allRefused(at: Place, says: RegExp, more: readonly string[] = []): Promise<void> {
    for (const command of commands) {
      const model = /^(run |resume|worker)/.test(command) ? ['--model', at.script(fence('finalAnswer(1)'))] : []
      refused(await at.troupe([...command.split(' '), ...model, ...more]), 2, says)
    }
  }

  it('of a newer format: it is left as it is', async () => {
    const at = place()
    const runId = await endedRun(at)
    const format = formatOf(at)
    edit(at, 'pragma user_version = 99')
    const before = readFileSync(store(at))
    await allRefused(at, /format 99.*use a newer Troupe/)
    expect(readFileSync(store(at)).equals(before)).toBe(true)
    edit(at, `pragma user_version = ${format}`)
    expect((await at.troupe(['runs', 'show', runId, '--json'])).last).toMatchObject({ status: 'done', output: 1 })
  })

  it('of no database', async () => {
    const at = place()
    at.write('notes.txt', 'These are notes, and long enough to be taken for a header of SQLite by nobody at all.\n'.repeat(10))
    await allRefused(at, /notes\.txt.*no SQLite database/, ['--store', 'sqlite:notes.txt'])
    expect(readFileSync(join(at.dir, 'notes.txt'), 'utf8')).toMatch(/^These are notes/)
  })

  it('that may not be written', async (context) => {
    const at = place()
    const runId = await endedRun(at)
    const isRoot = process.getuid?.() === 0
    const dir = mkdtempSync(join(tmpdir(), 'troupe-read-only-'))
    onTestFinished(() => {
      chmodSync(join(dir, 't.db'), 0o644)
      rmSync(dir, { recursive: true, force: true })
    })
    cpSync(store(at), join(dir, 't.db'))
    chmodSync(join(dir, 't.db'), 0o444)
    chmodSync(dir, 0o755)
    // The rights of files say nothing to root: there another user asks, where it may read the program.
    const asOther = isRoot ? { uid: 65_534, gid: 65_534 } : {}
    const troupe = (...args: readonly string[]): Ended => {
      const ended = spawnSync(process.execPath, [join(root, 'bin/troupe.mjs'), ...args, '--store', `sqlite:${join(dir, 't.db')}`], {
        encoding: 'utf8',
        cwd: dir,
        ...asOther,
      })
      return { code: ended.status, out: ended.stdout, err: ended.stderr, events: [], last: {}, runId: '' }
    }
    const canRead = isRoot
      ? spawnSync(process.execPath, [join(root, 'bin/troupe.mjs'), '--version'], { cwd: dir, ...asOther }).status === 0
      : true
    if (!canRead) context.skip('needs a checkout that the user nobody may read')
    accessSync(join(dir, 't.db'), constants.R_OK)
    const says = /t\.db: it cannot be written; check the rights/
    refused(troupe('runs', 'cancel', runId), 2, says)
    refused(troupe('runs', 'approve', runId), 2, says)
    refused(troupe('runs', 'ls'), 2, says)
    expect(statSync(join(dir, 't.db')).size).toBe(statSync(store(at)).size)
  })

  it('at a wrong URL of PostgreSQL: whatever is wrong, its password is told to nobody', async () => {
    const at = place()
    const model = at.script(fence('finalAnswer(1)'))
    for (const url of [
      'postgres://me:hunter2@127.0.0.1:1/none',
      'postgres://me:hunter2@no.such.host.invalid/db',
      'postgres://me:hunter2@h:port/db',
    ]) {
      const ended = await at.troupe(['run', 'x', '--model', model, '--store', url])
      refused(ended, 2, /postgres/)
      expect(ended.err).not.toContain('hunter2')
      refused(await at.troupe(['runs', 'ls', '--store', url]), 2, /postgres/)
    }
  })
})

describe('a run whose log is damaged', () => {
  it('fails clearly; the others go on', async () => {
    const at = place()
    const bad = await endedRun(at)
    const good = await endedRun(at)
    edit(at, `update entries set body = '{' where run = '${bad}' and seq = 3`)
    for (const command of [
      ['runs', 'show', bad],
      ['runs', 'why', bad],
      ['runs', 'events', bad],
    ])
      refused(await at.troupe(command), 1, new RegExp(bad))
    refused(await at.troupe(['resume', bad, '--model', at.script(fence('finalAnswer(1)'))]), 1, new RegExp(bad))
    const { events, code } = await at.troupe(['runs', 'ls', '--json'])
    expect(code).toBe(0)
    expect(events).toMatchObject([
      { runId: good, status: 'done', output: 1 },
      { runId: bad, status: 'failed', error: { code: 'engine/log-corrupt' } },
    ])
    expect(await endedRun(at)).not.toBe('')
  })
})

describe('a result of 50 MB', () => {
  const mb50 = 50 * 1024 * 1024

  it('of a tool is an error that tells the limit; the run goes on', async () => {
    const at = place()
    at.write(
      'troupe.config.ts',
      `import { codeAgent, defineConfig, tool } from 'troupe'
       import { z } from 'zod'
       const big = tool({ name: 'big', description: 'Big.', effect: 'read', input: z.object({}), output: z.string(), run: () => 'x'.repeat(${mb50}) })
       export default defineConfig({ model: '${at.script(fence('finalAnswer(await big({}).catch((error) => error.message))'))}', agents: { main: codeAgent({ name: 'main', description: 'x', tools: [big] }) } })`,
    )
    const { code, last } = await at.troupe(['run', 'x', '--json'])
    expect({ code, last }).toMatchObject({
      code: 0,
      last: { status: 'done', output: expect.stringMatching(/answer of \d+ bytes is larger than the 1048576 that fit/) },
    })
  })

  it('of a run is kept whole where the limits let it be, and shown in short', async (context) => {
    onlyWhenAllAsked(context)
    const at = place()
    at.write(
      'troupe.config.ts',
      `import { toolAgent, defineConfig, tool } from 'troupe'
       import { z } from 'zod'
       const model = { specificationVersion: 'v4', provider: 'test', modelId: 'long', supportedUrls: {}, doStream: () => Promise.reject(new Error('no')), doGenerate: async () => ({ content: [{ type: 'text', text: 'y'.repeat(${mb50}) }], finishReason: { unified: 'stop', raw: 'stop' }, usage: { inputTokens: { total: 1 }, outputTokens: { total: 1 } }, warnings: [] }) }
       export default defineConfig({ agents: { main: toolAgent({ name: 'main', description: 'x', model }) } })`,
    )
    const ended = await at.troupe(['run', 'x', '--detach'])
    const worker = at.start(['worker', '--json'])
    await worker.event((line) => (line.type as string) === 'run-left' && line.runId === ended.runId)
    worker.child.kill('SIGTERM')
    expect((await worker.ended).out.length).toBeLessThan(10_000)
    const short = await at.troupe(['runs', 'show', ended.runId])
    expect(short.code).toBe(0)
    expect(short.out.length).toBeLessThan(30_000)
    const whole = await at.troupe(['runs', 'show', ended.runId, '--json'])
    expect(whole.last).toMatchObject({ status: 'done' })
    expect(whole.last['output']).toHaveLength(mb50)
  })
})
