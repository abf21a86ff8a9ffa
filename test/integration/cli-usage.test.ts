import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { place } from './cli-harness.ts'

const good = `import { codeAgent, defineConfig } from 'troupe'
export default defineConfig({ agents: { one: codeAgent({ name: 'one', description: 'One.' }), two: codeAgent({ name: 'two', description: 'Two.' }) } })`

describe('wrong usage is one line on stderr and exit code 2', () => {
  const cases: readonly [args: string, says: RegExp][] = [
    ['', /no command/],
    ['rum', /did you mean run\?/],
    ['--json run x', /the command comes first/],
    ['runs', /needs one of ls, show/],
    ['runs lst', /not "lst"/],
    ['run x --modle y', /did you mean --model\?/],
    ['run x --model', /--model needs a value/],
    ['run x --model --json', /--model needs a value/],
    ['run x --json=yes', /--json takes no value/],
    ['run x y', /one argument too many/],
    ['run x --max-steps two', /--max-steps must be a whole number from 0, not "two"/],
    ['run x --max-steps=-1', /--max-steps must be a whole number/],
    ['run x --wait soon', /--wait must be a number from 0/],
    ['run', /the task is empty/],
    ['run x', /no model/],
    ['run x --model gpt-5', /unknown model "gpt-5"/],
    ['run x --model openai:gpt-5', /OPENAI_API_KEY is empty/],
    ['run x --model script:none.json', /none\.json cannot be read/],
    ['run x --model script:bad.json', /bad\.json: the file is no JSON/],
    ['run x --model script:ok.json --base-url http://localhost --store pg:x', /unknown store "pg:x"/],
    ['run x --model script:ok.json --store postgres://127.0.0.1:1/db', /PostgreSQL does not answer there/],
    ['run x --model script:ok.json --store sqlite:bad.json', /bad\.json/],
    ['run x --model script:ok.json --store sqlite:bad.json/x.db', /bad\.json\/x\.db|directory/],
    ['run x --model script:ok.json --sandbox firecracker', /unknown sandbox "firecracker"/],
    ['run x --model script:ok.json --sandbox gvisor', /gvisor|Docker|container/],
    ['run x --model script:ok.json --language ruby', /unknown language "ruby"/],
    ['run x --model script:ok.json --context none.json', /none\.json cannot be read/],
    ['run x --model script:ok.json --context bad.json', /bad\.json is no JSON/],
    ['run x --model script:ok.json --context ok.json', /is no JSON object/],
    ['run x --base-url http://localhost --config agents.config.ts', /--base-url needs a model id/],
    ['run x --config none.ts', /none\.ts does not exist/],
    ['run x --config syntax.config.ts', /syntax\.config\.ts:2 cannot be loaded/],
    ['run x --config throws.config.ts', /'constructor' cannot|cannot be loaded|reserved/],
    ['run x --config empty.config.ts', /no default export/],
    ['run x --config keys.config.ts', /unknown key 'agent', did you mean 'agents'\?/],
    ['run x --config noagent.config.ts', /no agent as agents\.main/],
    ['run x --config twice.config.ts', /two agents with the name 'one'/],
    ['run x --config agents.config.ts --model script:ok.json', /which agent\? Name one of one, two/],
    ['run x --config agents.config.ts --model script:ok.json --agent tow', /no agent "tow", did you mean two\?/],
    ['run x --budget-usd free', /--budget-usd must be a number from 0/],
    ['run x --budget-tokens 1.5', /--budget-tokens must be a whole number/],
    ['run x --priority soon', /--priority must be a whole number from 0/],
    ['run x --detach --store memory:', /keeps no runs/],
    ['run x --detach --record a.tape', /--record has no use with --detach/],
    ['run x --tools a,,b', /--tools must be names parted by commas/],
    ['run x --model script:ok.json --tools lookup', /no tool "lookup"; the configuration has none/],
    ['run x --config agents.config.ts --tools lookup', /--tools chooses for the default agent/],
    ['run x --config queue.config.ts', /unknown key 'queue.limits.tenant.concurency', did you mean 'concurrency'\?/],
    ['run x --config depth.config.ts', /whole number from 0 as 'queue.admission.maxDepth', not "many"/],
    ['run x --config tenants.config.ts', /unknown key 'tenantBudgets.default.week'/],
    ['run x --model script:ok.json --store postgres://me:secret@h:port/db', /no postgres:\/\/ URL/],
    ['worker --agents a,', /--agents must be names parted by commas/],
    ['worker --grace soon', /--grace must be a number from 0/],
    ['worker --model script:ok.json --store memory:', /keeps no runs/],
    ['runs fork rX', /--step is missing/],
    ['runs fork rX --step 1', /no run rX/],
    ['runs redrive rX --model script:ok.json', /no run rX/],
    ['runs why rX', /no run rX/],
    ['run x --model script:ok.json --record none/a.tape', /the tape none\/a\.tape cannot be written/],
    ['run x --timeout never', /--timeout must be a number from 0/],
    ['serve', /`troupe serve` is not built yet/],
    ['tools ls', /`troupe tools` is not built yet/],
    ['resume', /an argument is missing: troupe resume RUN/],
    ['resume rX', /no run rX/],
    ['resume rX --store memory:', /keeps no runs/],
    ['runs show rX', /no run rX/],
    ['runs signal rX topic nojson', /the value is no JSON/],
    ['runs approve rX --result nojson', /--result is no JSON/],
    ['exec none.ts', /none\.ts cannot be read/],
    ['exec ok.json --timeout-ms 0', /--timeout-ms must be a whole number from 1/],
  ]
  it.each(cases)('troupe %s', async (args, says) => {
    const at = place()
    at.write('ok.json', '[]')
    at.write('bad.json', 'this is no JSON')
    at.write('syntax.config.ts', 'const a = 1\nconst const = 2')
    at.write(
      'throws.config.ts',
      `import { codeAgent } from 'troupe'\nexport default { agents: { a: codeAgent({ name: 'class', description: 'x' }) } }`,
    )
    at.write('empty.config.ts', 'export const config = {}')
    at.write('keys.config.ts', 'export default { agent: {} }')
    at.write('noagent.config.ts', 'export default { agents: { main: {} } }')
    at.write('queue.config.ts', 'export default { queue: { limits: { tenant: { concurency: 1 } } } }')
    at.write('depth.config.ts', 'export default { queue: { admission: { maxDepth: "many" } } }')
    at.write('tenants.config.ts', 'export default { tenantBudgets: { default: { week: { tokens: 1 } } } }')
    at.write('twice.config.ts', good.replaceAll(`'two'`, `'one'`))
    at.write('agents.config.ts', good)
    const { code, out, err } = await at.troupe(args.split(' ').filter(Boolean), { env: { OPENAI_API_KEY: '' } })
    expect(err).toMatch(says)
    expect(err.trimEnd().split('\n')).toHaveLength(1)
    expect(out).toBe('')
    expect(code).toBe(2)
    expect(existsSync(join(at.dir, '.troupe'))).toBe(false)
  })
})

describe('what needs no run', () => {
  it('tells its version without loading the product', () => {
    const trace = spawnSync(process.execPath, [join(import.meta.dirname, '../../bin/troupe.mjs'), '--version'], {
      encoding: 'utf8',
      env: { NODE_DEBUG: 'esm' },
    })
    expect(trace.stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
    expect(trace.status).toBe(0)
    expect(trace.stderr).not.toMatch(/dist\/(index|agent|engine)/)
  })

  it('helps', async () => {
    const at = place()
    const general = await at.troupe(['--help'])
    expect(general).toMatchObject({ code: 0, err: '' })
    expect(general.out).toContain('troupe runs approve')
    const one = await at.troupe(['runs', 'approve', '-h'])
    expect(one).toMatchObject({ code: 0, err: '' })
    expect(one.out).toMatch(/^troupe runs approve RUN \[CALL\]/)
    expect(one.out).toContain('--result JSON')
  })

  it('lists agents', async () => {
    const at = place()
    expect((await at.troupe(['agents', 'ls'])).out).toContain('main')
    at.write('troupe.config.ts', good)
    const { code, out } = await at.troupe(['agents', 'ls', '--json'])
    expect(code).toBe(0)
    expect(
      out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { agent: 'one', name: 'one', kind: 'code', version: '0.0.0', description: 'One.' },
      { agent: 'two', name: 'two', kind: 'code', version: '0.0.0', description: 'Two.' },
    ])
  })

  it('lists no runs where there is no store, and makes none', async () => {
    const at = place()
    expect(await at.troupe(['runs', 'ls'])).toMatchObject({ code: 0, out: '', err: 'no runs yet\n' })
    expect(existsSync(join(at.dir, '.troupe'))).toBe(false)
  })

  it('examines the machine, and says of keys only their names', async () => {
    const at = place()
    const { code, out } = await at.troupe(['doctor', '--json'], { env: { OPENAI_API_KEY: 'very-secret', MISTRAL_API_KEY: '' } })
    expect(out).not.toContain('very-secret')
    const findings = JSON.parse(out)
    expect(code).toBe(0)
    expect(findings).toMatchObject({
      ok: true,
      node: { ok: true },
      store: { url: 'sqlite:.troupe/troupe.db', writable: true },
      config: { ok: true },
    })
    expect(findings.keys).toContainEqual({ name: 'OPENAI_API_KEY', present: true })
    expect(findings.keys).toContainEqual({ name: 'MISTRAL_API_KEY', present: false })
    const quickjs = findings.sandboxes.find((sandbox: { name: string }) => sandbox.name === 'quickjs')
    expect(quickjs).toMatchObject({ available: true, isolation: 'interpreter', coldMs: expect.any(Number), warmMs: expect.any(Number) })
    expect(findings.sandboxes.find((sandbox: { name: string }) => sandbox.name === 'gvisor')).toMatchObject({
      available: false,
      why: expect.any(String),
    })
    expect(existsSync(join(at.dir, '.troupe'))).toBe(false)
  })

  it('tells why the default setting does not work', async () => {
    const at = place()
    at.write('file', '')
    const { code, out } = await at.troupe(['doctor', '--store', 'sqlite:file/x.db'])
    expect(code).toBe(1)
    expect(out).toMatch(/^-- {2}store sqlite:file\/x\.db: /m)
  })
})
