import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openAiServer } from 'troupe/testing'
import { ROOT, runProgram, type Ended } from './run-program.ts'
import { xmlFault } from './well-formed.ts'
import { yearlyChanges, type Change } from './yearly-changes.ts'

const PRICES = join(ROOT, 'examples/stock-desk/data/stocks.csv')

interface Answer {
  readonly best: Change
  readonly worst: Change
  readonly table: readonly (Change & { readonly complete: boolean })[]
  readonly gaps: readonly string[]
  readonly report: string
  readonly chart: string
}

interface Part {
  readonly agent: string
  readonly when?: string
  readonly turns: readonly { readonly content: string | readonly string[] }[]
}

interface Event {
  readonly type: string
  readonly seq?: number
  readonly runId: string
  readonly [field: string]: unknown
}

describe('npm start, the stock desk', { timeout: 60_000 }, () => {
  let folder: string
  let env: Record<string, string>
  /** One run on the real prices, which several tests look at. */
  let told: { answer: Answer; events: readonly Event[] }
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'troupe-desk-'))
    told = await answerOf(
      await runProgram('stock-desk/main.ts', {
        args: ['--json'],
        env: { STOCK_DESK_OUT: join(folder, 'told'), STOCK_DESK_STORE: join(folder, 'told.db') },
      }),
    )
  }, 60_000)
  beforeEach(async () => {
    const home = await mkdtemp(join(folder, 'run-'))
    env = { STOCK_DESK_OUT: join(home, 'out'), STOCK_DESK_STORE: join(home, 'troupe.db') }
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  const desk = (args: readonly string[] = [], more: Record<string, string> = {}): Promise<Ended> =>
    runProgram('stock-desk/main.ts', { args, env: { ...env, ...more } })

  test('says first that the model is a script and how to use a real one, then tells the run and where its results are', async () => {
    const { code, stdout, stderr } = await desk()
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const lines = stdout.split('\n')
    expect(lines[0]).toMatch(/^The model's part is a script \(examples\/stock-desk\/script\.json\)/)
    expect(lines[1]).toBe('npm start -- --model openai-compatible:NAME --base-url URL')
    const states = lines
      .filter((line) => / → /.test(line))
      .map((line) =>
        line
          .split(':')
          .slice(0, line.startsWith('  ') ? 2 : 1)
          .join(':'),
      )
    expect(states).toEqual([
      'routing → planning',
      'planning → working',
      '  coverage: pending → running',
      '  coverage: running → validating',
      '  coverage: validating → investigating',
      '  report: pending → abandoned',
      '  coverage: investigating → running',
      '  coverage: running → validating',
      '  coverage: validating → done',
      '  figures: pending → running',
      '  figures: running → validating',
      '  figures: validating → running',
      '  figures: running → validating',
      '  figures: validating → done',
      '  reportWithGaps: pending → running',
      '  reportWithGaps: running → validating',
      '  reportWithGaps: validating → done',
      'working → synthesizing',
      'synthesizing → reviewing',
      'reviewing → done',
    ])
    expect(stdout).toMatch(/^ {2}figures is turned down:\n {4}! \d+ of 51 figures are wrong/m)
    expect(stdout).toMatch(/^ {2}figures is given to coder, attempt 2$/m)
    expect(stdout).toMatch(/^ {2}reportWithGaps is done by reporter$/m)
    expect(stdout).toMatch(/^Report {2}\S+report\.md$/m)
    expect(stdout).toMatch(/^Chart {3}\S+\.svg$/m)
    expect(stdout).toMatch(/^Run {5}\S+, kept in \S+: npx troupe runs show \S+$/m)
  })

  test('finds what separate code finds in the same prices', async () => {
    const { answer, events } = told
    const { best, worst, all } = await yearlyChanges(PRICES)
    expect({ best: answer.best, worst: answer.worst }).toEqual({ best, worst })
    expect(answer.table).toHaveLength(all.length)
    for (const row of all) expect(answer.table).toContainEqual(row)

    const report = await readFile(answer.report, 'utf8')
    const sign = (percent: number): string => `${percent < 0 ? '−' : '+'}${Math.abs(percent).toFixed(1)} %`
    expect(report).toContain(`**Best year: ${best.symbol} in ${best.year}, ${sign(best.changePercent)} (from `)
    expect(report).toContain(`**Worst year: ${worst.symbol} in ${worst.year}, ${sign(worst.changePercent)} (from `)
    expect(report).toContain('goes from the last monthly close of the year before to the last close of the year')
    expect(report).toContain('GOOG 2004 (2004-08 to 2004-12)')
    expect(report).toContain('](yearly-changes.svg)')

    expect(events.filter(({ type, agent }) => type === 'code' && agent === 'coder')).not.toEqual([])
  })

  test('turns a planted mistake down once, for what is wrong in the prices, and takes the repaired figures', async () => {
    const { events } = told
    const rejected = events.filter(({ type }) => type === 'task-rejected')
    expect(rejected).toMatchObject([{ task: 'figures', owner: 'coder', agent: 'desk' }])
    // What the mistaken code gave, and what the reviewer says of it, both against separate figures.
    const [given, repaired] = events.filter(({ type, task }) => type === 'task-assigned' && task === 'figures')
    expect([given?.['attempt'], repaired?.['attempt']]).toEqual([1, 2])
    const { all } = await yearlyChanges(PRICES)
    const [reason = ''] = (rejected[0]?.['reasons'] ?? []) as readonly string[]
    const [, wrong, symbol, year, claimed, right] =
      /^(\d+) of 51 figures are wrong, such as: (\w+) (\d+) is given as (-?[\d.]+) %, but .* it is (-?[\d.]+) %$/.exec(reason) ?? []
    expect(Number(wrong)).toBeGreaterThan(0)
    const row = all.find((one) => one.symbol === symbol && one.year === Number(year))
    expect(Number(right)).toBeCloseTo(row?.changePercent ?? Number.NaN, 2)
    expect(Number(claimed)).not.toBeCloseTo(row?.changePercent ?? Number.NaN, 1)
  })

  test('has the share that begins late looked into, which changes the plan; the report says so', async () => {
    const { answer, events } = told
    const anomaly = events.find(({ type, to }) => type === 'state' && to === 'investigating')
    expect(anomaly).toMatchObject({ task: 'coverage', why: expect.stringMatching(/^GOOG has prices from 2004-08 to 2010-03 only/) })
    expect(events.some(({ type, agent, tool }) => type === 'tool-start' && agent === 'investigator' && tool === 'monthlyCloses')).toBe(true)
    const plans = events.filter(({ type }) => type === 'plan').map(({ plan }) => plan as string)
    expect(plans).toHaveLength(2)
    expect(plans[1]).toMatch(/^changed by the investigator\n\+ reportWithGaps \(reporter, after figures\).*\n- report$/)
    const rows = (await readFile(PRICES, 'utf8')).split('\n').filter((row) => row.startsWith('GOOG'))
    expect(rows[0]).toMatch(/^GOOG,Aug 1 2004,/)
    expect(answer.gaps).toEqual([
      expect.stringMatching(/^GOOG has no prices before August 2004; from August 2004 to March 2010 no month is missing\./),
    ])
    expect(await readFile(answer.report, 'utf8')).toContain(`## What is missing in the prices\n\n- ${answer.gaps[0]}\n`)
  })

  test('makes no anomaly of prices that have none', async () => {
    const file = join(folder, 'even.csv')
    const rows = (await readFile(PRICES, 'utf8')).split('\n')
    await writeFile(file, rows.filter((row) => !row.startsWith('GOOG')).join('\n'))
    const { answer, events } = await answerOf(await desk(['--json'], { STOCK_DESK_PRICES: file }))
    expect(answer.gaps).toEqual([])
    expect(events.some(({ to }) => to === 'investigating')).toBe(false)
    expect(await readFile(answer.report, 'utf8')).toContain('## What is missing in the prices\n\nNothing.\n')
  })

  test('draws all shares and years, the same picture each time', async () => {
    const { answer } = told
    const svg = await readFile(answer.chart, 'utf8')
    expect(xmlFault(svg)).toBeUndefined()
    const texts = [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text)
    expect(texts).toEqual(expect.arrayContaining(['MSFT', 'AMZN', 'IBM', 'GOOG', 'AAPL', '2000', '2009']))
    expect(texts).not.toContain('2010')
    const bars = answer.table.filter((row) => row.complete).length
    expect(svg.match(/ecmeta_ssr_type="chart"/g)).toHaveLength(bars)

    const again = await answerOf(await desk(['--json']))
    expect(await readFile(again.answer.chart, 'utf8')).toBe(svg)
    expect(await readFile(again.answer.report, 'utf8')).toBe(await readFile(answer.report, 'utf8'))
  })

  test('answers from the data: other prices, another answer', async () => {
    const file = join(folder, 'other.csv')
    const rows = (await readFile(PRICES, 'utf8')).split('\n')
    const changed = rows.map((row) => row.replace(/^(IBM,Dec 1 2005),.*/, '$1,900').replace(/^(GOOG,Dec 1 2008),.*/, '$1,1.5'))
    await writeFile(file, changed.filter((row) => !row.startsWith('MSFT')).join('\n'))

    const { answer } = await answerOf(await desk(['--json'], { STOCK_DESK_PRICES: file }))
    const { best, worst } = await yearlyChanges(file)
    expect({ best: answer.best, worst: answer.worst }).toEqual({ best, worst })
    expect([best.symbol, best.year]).toEqual(['GOOG', 2009])
    expect([worst.symbol, worst.year]).toEqual(['GOOG', 2008])
    expect(await readFile(answer.chart, 'utf8')).not.toContain('MSFT')
  })

  test('killed in the middle, it goes on from the command line with what it had', async () => {
    const file = join(ROOT, 'examples/stock-desk/main.ts')
    // The reporter thinks for as long as it takes to kill the process; the script of the resumed run does not.
    const slow = join(folder, 'slow.json')
    const parts = await scriptParts()
    await writeFile(
      slow,
      JSON.stringify(parts.map((part) => (part.agent === 'reporter' ? { ...part, turns: [{ ...part.turns[0], delayMs: 60_000 }] } : part))),
    )
    const child = spawn(process.execPath, [file, '--json', '--model', `script:${slow}`], {
      cwd: ROOT,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    let written = ''
    child.stdout.on('data', (data: Buffer) => {
      written += data.toString()
      if (/"type":"task-assigned".*"task":"reportWithGaps"/.test(written)) child.kill('SIGKILL')
    })
    await once(child, 'close')
    const killed = eventsOf(written.slice(0, written.lastIndexOf('\n')))
    expect(killed.some(({ type, runId }) => type === 'run-end' && runId === killed[0]?.runId)).toBe(false)

    const config = join(ROOT, 'examples/stock-desk/troupe.config.ts')
    const args = ['resume', killed[0]?.runId ?? '', '--config', config, '--json']
    const { answer, events } = await answerOf(await runProgram('../bin/troupe.mjs', { args, env }))
    const { best, worst } = await yearlyChanges(PRICES)
    expect({ best: answer.best, worst: answer.worst }).toEqual({ best, worst })
    const asked = events.filter(({ type }) => type === 'model-end').map(({ agent }) => agent)
    expect(asked).toEqual(['reporter', 'reviewer'])
    expect(killed.filter(({ type }) => type === 'task-done').map(({ task }) => task)).toEqual(['coverage', 'figures'])
    expect(events.filter(({ type }) => type === 'task-done').map(({ task }) => task)).toEqual(['reportWithGaps'])
  })

  test('takes a real model where one is named', async () => {
    // In the order in which the desk asks them: the router first, the reviewer of the answer last.
    const script = await scriptParts()
    const said = (agent: string, when: RegExp = /(?:)/): readonly { content: string }[] =>
      script
        .find((part) => part.agent === agent && when.test(part.when ?? ''))!
        .turns.map(({ content }) => ({ content: typeof content === 'string' ? content : content.join('\n') }))
    await using server = await openAiServer([
      ...said('desk'),
      ...said('architect'),
      ...said('coder', /coverage$/),
      ...said('investigator'),
      ...said('coder', /coverage.+/),
      ...said('coder', /figures$/),
      ...said('reviewer', /task/),
      ...said('coder', /figures.+/),
      ...said('reviewer', /task/),
      ...said('reporter'),
      ...said('reviewer', /answer/),
    ])
    const { code, stdout, stderr } = await desk(['--model', 'openai-compatible:any', '--base-url', server.baseUrl])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^Which of the five shares/)
    expect(stdout).toMatch(/^Best {4}AAPL in 2004/m)
    expect(server.requests).toHaveLength(13)
    expect(server.requests[0]?.body.model).toBe('any')
  })

  test('can be looked at: the machines that it runs by are Mermaid diagrams', async () => {
    const config = join(ROOT, 'examples/stock-desk/troupe.config.ts')
    const { code, stdout } = await runProgram('../bin/troupe.mjs', {
      args: ['agents', 'show', 'desk', '--diagram', '--config', config],
      env,
    })
    expect(code).toBe(0)
    expect(stdout.match(/^stateDiagram-v2$/gm)).toHaveLength(2)
    expect(stdout).toMatch(/^ {2}planning --> working: /m)
    expect(stdout).toMatch(/^ {2}validating --> investigating: anomaly/m)
  })

  for (const [what, turns, exitCode, line] of [
    ['a model that fails', [{ error: 'no more credit' }], 1, /^The run failed: .*no more credit/],
    [
      'a model that finds no answer',
      Array.from({ length: 13 }, (_, n) => ({ content: `\`\`\`ts\n${n}\n\`\`\`` })),
      3,
      /^The run ended as 'limit': /,
    ],
  ] satisfies readonly [string, unknown[], number, RegExp][]) {
    test(`${what} ends with exit code ${exitCode}, and the run can be looked at`, async () => {
      const file = join(folder, `${exitCode}.json`)
      await writeFile(file, JSON.stringify([{ turns }]))
      const { code, stdout, stderr } = await desk(['--model', `script:${file}`])
      expect({ code, line: stderr.trim() }).toEqual({ code: exitCode, line: expect.stringMatching(line) })
      expect(stdout).toMatch(/^Run {5}\S+, kept in /m)
    })
  }

  for (const [what, args, more, line] of [
    ['an unknown flag', ['--modle', 'x:y'], {}, /--modle/],
    ['an unknown model', ['--model', 'nothing'], {}, /unknown model "nothing"/],
    ['a missing key', ['--model', 'openai:gpt-5'], { OPENAI_API_KEY: '' }, /OPENAI_API_KEY/],
    ['a bad base URL', ['--model', 'openai-compatible:x', '--base-url', 'nowhere'], {}, /nowhere/],
    ['unreadable prices', [], { STOCK_DESK_PRICES: '/no/such.csv' }, /\/no\/such\.csv/],
  ] satisfies readonly [string, readonly string[], Record<string, string>, RegExp][]) {
    test(`${what} is one line and exit code 2`, async () => {
      const { code, stdout, stderr } = await desk(args, more)
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
      expect(stderr.trimEnd()).toMatch(line)
      expect(stderr.trimEnd().split('\n')).toHaveLength(1)
    })
  }
})

async function scriptParts(): Promise<readonly Part[]> {
  return JSON.parse(await readFile(join(ROOT, 'examples/stock-desk/script.json'), 'utf8')) as readonly Part[]
}

/** Reads the lines of `--json`; the last one is the end of the run. */
async function answerOf({ code, stdout, stderr }: Ended): Promise<{ answer: Answer; events: readonly Event[] }> {
  expect({ code, stderr: stderr.includes('Error') ? stderr : '' }).toEqual({ code: 0, stderr: '' })
  const events = eventsOf(stdout)
  expect(events.at(-1)).toMatchObject({ type: 'run-end', status: 'done' })
  return { answer: events.at(-1)?.['output'] as Answer, events }
}

function eventsOf(lines: string): readonly Event[] {
  return lines
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Event)
}
