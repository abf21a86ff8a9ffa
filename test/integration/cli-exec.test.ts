import { describe, expect, it } from 'vitest'
import { place } from './cli-harness.ts'

const exec = async (code: string, ...flags: readonly string[]) => {
  const ended = await place().troupe(['exec', '-', '--json', ...flags], { input: code })
  return { code: ended.code, err: ended.err, report: JSON.parse(ended.out) as Record<string, unknown> }
}

describe('troupe exec --json', () => {
  it('gives the last value and what was printed', async () => {
    const { code, report } = await exec('console.log("a", 1)\nconsole.log("b")\nconst x: number = 6\nx * 7')
    expect(code).toBe(0)
    expect(report).toEqual({ ok: true, value: 42, output: 'a 1\nb', error: null, durationMs: expect.any(Number), isolation: 'interpreter' })
  })

  it('takes the final answer as the value', async () => {
    expect((await exec('finalAnswer({ total: 1 })\n2')).report).toMatchObject({ ok: true, value: { total: 1 } })
  })

  it('has null where there is no value', async () => {
    expect((await exec('undefined')).report).toMatchObject({ ok: true, value: null })
    expect((await exec('')).report).toMatchObject({ ok: true, value: null })
  })

  it.each([
    ['error', 'console.log("before")\nthrow new Error("boom")', []],
    ['syntax', 'const = 1', []],
    ['timeout', 'for (;;) {}', ['--timeout-ms', '300']],
    ['memory', 'const all = []; for (;;) all.push(new Uint8Array(1_000_000).fill(1))', ['--memory-mb', '32']],
    ['output-limit', 'for (;;) console.log("x".repeat(10_000))', []],
  ] as const)('says what stopped it: %s', async (kind, source, flags) => {
    const { code, report } = await exec(source, ...flags)
    expect(report).toMatchObject({ ok: false, value: null, error: { kind, message: expect.any(String) } })
    expect(code).toBe(1)
  })

  it('runs Python', async () => {
    const { code, report } = await exec('print(1)\n[1, 2][1] + 1', '--language', 'python')
    expect(report).toMatchObject({ ok: true, value: 3, output: '1', isolation: 'interpreter' })
    expect(code).toBe(0)
  })

  it.each([[['--sandbox', 'bubblewrap']]])('is unavailable: %s', async (flags) => {
    const { code, report } = await exec('1', ...flags)
    expect(report).toMatchObject({
      ok: false,
      error: { kind: 'unavailable', message: expect.stringMatching(/root tree|bubblewrap/) },
      isolation: null,
    })
    expect(code).toBe(2)
  })
})

describe('troupe exec with a configuration', () => {
  const run = async (config: string, ...flags: readonly string[]) => {
    const at = place()
    at.write('troupe.config.ts', `export default ${config}`)
    const { code, out } = await at.troupe(['exec', '-', '--json', ...flags], { input: '1 + 1' })
    return { code, report: JSON.parse(out) as Record<string, unknown> }
  }

  it('runs nothing in a sandbox that is weaker than it demands', async () => {
    for (const flags of [[], ['--sandbox', 'quickjs']]) {
      const { code, report } = await run("{ minimumIsolation: 'gvisor' }", ...flags)
      expect(code).toBe(2)
      expect(report).toMatchObject({ ok: false, value: null, isolation: null, error: { kind: 'unavailable' } })
      expect((report['error'] as { message: string }).message).toMatch(/isolation gvisor or stronger.*quickjs gives interpreter/)
    }
    expect(await run("{ minimumIsolation: 'interpreter' }")).toMatchObject({ code: 0, report: { value: 2 } })
  })

  it('runs in the sandbox that it names, unless a flag names another', async () => {
    expect(await run("{ sandbox: 'monty' }", '--language', 'python')).toMatchObject({ code: 0, report: { value: 2 } })
    expect(await run("{ sandbox: 'monty' }")).toMatchObject({ code: 2, report: { error: { kind: 'unavailable' } } })
    expect(await run("{ sandbox: 'monty' }", '--sandbox', 'quickjs')).toMatchObject({ code: 0, report: { value: 2 } })
  })
})

describe('troupe exec', () => {
  it('prints for people, from a file', async () => {
    const at = place()
    at.write('code.ts', 'console.log("hello")\n;[1, 2]')
    const { code, out } = await at.troupe(['exec', 'code.ts'])
    expect(code).toBe(0)
    expect(out.startsWith('hello\n')).toBe(true)
    expect(out.slice(6).replaceAll(/\s/g, '')).toBe('[1,2]')
  })

  it('keeps control characters of the code off the terminal', async () => {
    const { out } = await place().troupe(['exec'], { input: 'console.log("\\u001b[2Jx\\u202e")' })
    expect(out).toBe('\\u001b[2Jx\\u202e\n')
  })

  it('tells the error and its line', async () => {
    const { code, err } = await place().troupe(['exec'], { input: 'const a = 1\nnope()' })
    expect(code).toBe(1)
    expect(err).toMatch(/nope/)
    expect(err).toMatch(/line 2/)
  })
})
