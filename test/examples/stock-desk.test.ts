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
  readonly report: string
  readonly chart: string
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
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'troupe-desk-'))
  })
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
    expect(lines.filter((line) => line.startsWith('Step '))).toEqual(['Step 1', 'Step 2', 'Step 3', 'Step 4', 'Step 5'])
    expect(stdout).toMatch(/^Report {2}\S+report\.md$/m)
    expect(stdout).toMatch(/^Chart {3}\S+\.svg$/m)
    expect(stdout).toMatch(/^Run {5}\S+, kept in \S+: npx troupe runs show \S+$/m)
  })

  test('finds what separate code finds in the same prices', async () => {
    const { answer, events } = await answerOf(await desk(['--json']))
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

    const steps = events.filter((event) => event.type === 'step-end')
    expect(steps.map((event) => 'error' in event)).toEqual([false, true, false, false, false])
    expect(steps[1]?.['error']).toMatch(/ArgumentsError.*YYYY-MM/s)
  })

  test('draws all shares and years, the same picture each time', async () => {
    const { answer } = await answerOf(await desk(['--json']))
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
    const child = spawn(process.execPath, [file, '--json'], {
      cwd: ROOT,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    let written = ''
    child.stdout.on('data', (data: Buffer) => {
      written += data.toString()
      if (/"type":"code".*"step":3/.test(written)) child.kill('SIGKILL')
    })
    await once(child, 'close')
    const killed = eventsOf(written.slice(0, written.lastIndexOf('\n')))
    expect(killed.some(({ type }) => type === 'run-end')).toBe(false)

    const config = join(ROOT, 'examples/stock-desk/troupe.config.ts')
    const args = ['resume', killed[0]?.runId ?? '', '--config', config, '--json']
    const { answer, events } = await answerOf(await runProgram('../bin/troupe.mjs', { args, env }))
    const { best, worst } = await yearlyChanges(PRICES)
    expect({ best: answer.best, worst: answer.worst }).toEqual({ best, worst })
    const asked = events.filter(({ type }) => type === 'model-end').map((event) => event['step'])
    expect(asked).toEqual([4, 5])
  })

  test('takes a real model where one is named', async () => {
    const script = JSON.parse(await readFile(join(ROOT, 'examples/stock-desk/script.json'), 'utf8')) as [
      { turns: { content: readonly string[] }[] },
    ]
    await using server = await openAiServer(script[0].turns.map(({ content }) => ({ content: content.join('\n') })))
    const { code, stdout, stderr } = await desk(['--model', 'openai-compatible:any', '--base-url', server.baseUrl])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^Which of the five shares/)
    expect(stdout).toMatch(/^Best {4}AAPL in 2004/m)
    expect(server.requests).toHaveLength(5)
    expect(server.requests[0]?.body.model).toBe('any')
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
