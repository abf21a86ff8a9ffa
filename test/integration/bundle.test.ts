import { execFile } from 'node:child_process'
import { copyFile, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rolldown } from 'rolldown'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')
const EXAMPLE = join(ROOT, 'examples/02-tools.ts')

/** A program that runs the example as its users would bundle it: on a store, with each worker in a file beside it. */
const program = (quickjsOptions: string, sqliteOptions: string): string => `
import { openRuntime } from 'troupe'
import { sqlite } from 'troupe/engine/sqlite'
import { quickjs } from 'troupe/sandbox/quickjs'
import { example } from ${JSON.stringify(EXAMPLE)}

const beside = (file) => new URL(file, import.meta.url)
const sandbox = quickjs({ ${quickjsOptions} })
try {
  await using runtime = await openRuntime({ engine: sqlite({ path: process.argv[2], ${sqliteOptions} }) })
  const result = await runtime.run(example.agent.withDefaults({ sandbox }), example.task)
  console.log(result.status === 'done' ? result.output : result.error?.message)
} catch (error) {
  console.log(error.code, error.message)
}`

const QUICKJS = { worker: "workerUrl: beside('sandbox-worker.mjs')", wasm: "wasmUrl: beside('quickjs.wasm')" }
const SQLITE = "workerUrl: beside('store-worker.mjs')"

/** Makes one ESM file of \`input\` and all that it imports; providers are optional peers, and stay outside. */
async function bundle(input: string, file: string): Promise<void> {
  await using build = await rolldown({
    input,
    platform: 'node',
    external: [/^@ai-sdk\/(?!provider$)/],
    resolve: { modules: [join(ROOT, 'node_modules'), 'node_modules'], alias: aliases() },
    transform: { define: { 'import.meta.main': 'false' } }, // the example is a part of a program here
    logLevel: 'silent',
  })
  const { output } = await build.write({ file, format: 'esm', codeSplitting: false })
  expect(output).toHaveLength(1)
}

/** The program stands in a folder outside of the package, so what it imports is looked up from here. */
function aliases(): Record<string, string> {
  const doors = ['troupe/engine/sqlite', 'troupe/sandbox/quickjs', 'troupe/models', 'troupe']
  return Object.fromEntries(doors.map((door) => [`${door}$`, createRequire(join(ROOT, 'package.json')).resolve(door)]))
}

describe('an example in one file', { timeout: 60_000 }, () => {
  let folder: string
  const run = (file: string): Promise<{ stdout: string; stderr: string }> =>
    new Promise((resolve) => {
      const { MODEL: _, ...env } = process.env
      const args = [join(folder, file), join(folder, `${file}.db`)]
      execFile(process.execPath, args, { cwd: folder, env, timeout: 30_000 }, (_error, stdout, stderr) => resolve({ stdout, stderr }))
    })
  const build = async (name: string, text: string): Promise<string> => {
    await writeFile(join(folder, `${name}.ts`), text)
    await bundle(join(folder, `${name}.ts`), join(folder, `${name}.mjs`))
    await rm(join(folder, `${name}.ts`))
    return `${name}.mjs`
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'troupe-bundle-'))
    const { resolve } = createRequire(join(ROOT, 'package.json'))
    await bundle(resolve('troupe/sandbox/quickjs/worker'), join(folder, 'sandbox-worker.mjs'))
    await bundle(resolve('troupe/engine/sqlite/worker'), join(folder, 'store-worker.mjs'))
    await copyFile(resolve('quickjs-wasi/quickjs.wasm'), join(folder, 'quickjs.wasm'))
  }, 60_000)
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it('prints what it prints unbundled, with its workers named', async () => {
    const file = await build('all', program(`${QUICKJS.worker}, ${QUICKJS.wasm}`, SQLITE))
    expect((await readdir(folder)).toSorted()).toEqual(['all.mjs', 'quickjs.wasm', 'sandbox-worker.mjs', 'store-worker.mjs'])
    expect(await run(file)).toEqual({ stdout: '12 apples reserved as 2.1\n', stderr: '' })
  })

  it.each([
    [
      'the worker of the sandbox',
      QUICKJS.wasm,
      SQLITE,
      /^sandbox\/unavailable .*did not start.*pass quickjs\(\{ workerUrl \}\) with the place of troupe\/sandbox\/quickjs\/worker/,
    ],
    ['the interpreter', QUICKJS.worker, SQLITE, /^sandbox\/unavailable .*pass quickjs\(\{ wasmUrl \}\)/],
    [
      'the worker of the store',
      `${QUICKJS.worker}, ${QUICKJS.wasm}`,
      '',
      /^engine\/store-failed .*did not start.*pass sqlite\(\{ workerUrl \}\) with the place of troupe\/engine\/sqlite\/worker/,
    ],
  ])('says what to pass when %s is not named', async (what, quickjsOptions, sqliteOptions, message) => {
    const { stdout } = await run(await build(what.replaceAll(' ', '-'), program(quickjsOptions, sqliteOptions)))
    expect(stdout).toMatch(message)
  })
})
