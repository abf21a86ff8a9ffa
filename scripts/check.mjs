// Every gate but the tests: `npm run check`, or `npm run check -- ranks doors` for some of them. Goes on after a failure and ends with a table.
import { spawn } from 'node:child_process'
import { delimiter, join } from 'node:path'
import { parseArgs, stripVTControlCharacters } from 'node:util'

const root = join(import.meta.dirname, '..')
const bin = (name) => join(root, 'node_modules', '.bin', name)
const script = (name) => [process.execPath, join('scripts', `${name}.mjs`)]

const GATES = [
  { name: 'build', command: script('build'), what: 'src/ compiles to dist/' },
  { name: 'types', command: [bin('tsc'), '-p', 'tsconfig.json'], what: 'everything type-checks, tests and examples too' },
  {
    name: 'lint',
    command: [bin('oxlint'), '--type-aware', '--deny-warnings'],
    what: 'oxlint with types: floating promises, any, import type, default exports, 600 lines',
  },
  { name: 'format', command: [bin('oxfmt'), '--check', '.'], what: 'oxfmt' },
  { name: 'ranks', command: script('ranks'), what: 'import ranks, adapters, node:* and cycles' },
  { name: 'house', command: script('house'), what: 'house rules: no bare Error, no double cast, no .only, names, length of examples' },
  { name: 'dead-code', command: [bin('knip'), '--no-progress'], what: 'unused files, exports and dependencies' },
  { name: 'doors', command: script('doors'), what: 'the names of each door are those of docs/doors.json' },
  { name: 'package', command: script('package-shape'), what: 'publint on the packed package, and its list of files' },
  {
    name: 'dependencies',
    command: script('dependencies'),
    what: 'each has its row in docs/decisions/dependencies.md; no registry in the lockfile',
  },
  { name: 'readme', command: script('readme'), what: 'code in README.md equals the examples; links lead somewhere' },
]

const { positionals: wanted } = parseArgs({ allowPositionals: true })
const unknown = wanted.filter((name) => !GATES.some((gate) => gate.name === name))
if (unknown.length > 0) {
  console.error(`no gate ${unknown.join(', ')}: there are ${GATES.map((gate) => gate.name).join(', ')}`)
  process.exit(2)
}

const rows = []
for (const { name, command, what } of GATES) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  const { code, output, seconds } = await run(command)
  rows.push({ name, ok: code === 0, seconds, what })
  if (code !== 0)
    console.log(
      `\n── ${name}: ${command.map((part) => part.replace(root + '/', '')).join(' ')} (exit ${code})\n${output.trimEnd() || 'it printed nothing'}\n`,
    )
}
for (const { name, ok, seconds, what } of rows)
  console.log(`${name.padEnd(13)}${ok ? 'ok    ' : 'FAILED'}${seconds.toFixed(1).padStart(7)} s   ${what}`)
const failed = rows.filter((row) => !row.ok)
console.log(
  failed.length > 0
    ? `\n${failed.length} of ${rows.length} gates failed: ${failed.map((row) => row.name).join(', ')}`
    : `\nall ${rows.length} gates hold`,
)
process.exitCode = failed.length > 0 ? 1 : 0

function run([command, ...args]) {
  const started = performance.now()
  const env = { ...process.env, PATH: join(root, 'node_modules', '.bin') + delimiter + process.env.PATH, FORCE_COLOR: '0', NO_COLOR: '1' }
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    child.stdout.on('data', (data) => (output += data))
    child.stderr.on('data', (data) => (output += data))
    child.on('error', (error) => (output += error.message))
    child.on('close', (code) =>
      resolve({ code: code ?? 1, output: stripVTControlCharacters(output), seconds: (performance.now() - started) / 1000 }),
    )
  })
}
