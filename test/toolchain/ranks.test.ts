import { describe, expect, it } from 'vitest'
import { check } from './plant.ts'

const clean = {
  'src/util/json.ts': `import type { Fault } from '../errors/fault.ts'\nexport type Json = Fault | string\n`,
  'src/errors/fault.ts': 'export interface Fault { code: string }\n',
  'src/models/model.ts': `import type { Json } from '../util/json.ts'\nexport interface Model { last: Json }\n`,
  'src/models/script/script.ts': `import { readFileSync } from 'node:fs'\nimport type { Model } from '../model.ts'\nexport const open = (): Model => ({ last: readFileSync('x', 'utf8') })\n`,
  'src/tools/tool.ts': 'export interface Tool { name: string }\n',
  'src/tools/builtin/clock.ts': `import type { Tool } from '../tool.ts'\nexport const clock: Tool = { name: 'clock' }\n`,
  'src/agent/loop.ts': `import type { Model } from '../models/model.ts'\nexport const loop = (model: Model) => model\n`,
  'src/agent/loop.test.ts': `import { run } from '../cli/run.ts'\nimport { readFileSync } from 'node:fs'\nrun(readFileSync)\n`,
  'src/testing/crash.ts': `import { open } from '../models/script/script.ts'\nexport const crash = open\n`,
  'src/index.ts': `export { loop } from './agent/loop.ts'\nexport { open } from './models/script/script.ts'\n`,
  'src/cli/run.ts': `import { loop } from '../index.ts'\nimport { clock } from '../tools/builtin/clock.ts'\nexport const run = (x: unknown) => [loop, clock, x]\n`,
}

const planted: [hazard: string, rule: RegExp, path: string, text: string][] = [
  [
    'an import upward',
    /^rank-2-models: src\/models\/bad\.ts → src\/agent\/loop\.ts/,
    'src/models/bad.ts',
    `export { loop } from '../agent/loop.ts'\n`,
  ],
  [
    'an import upward of a type alone',
    /^rank-0-util: src\/util\/bad\.ts → src\/models\/model\.ts/,
    'src/util/bad.ts',
    `export type { Model } from '../models/model.ts'\n`,
  ],
  [
    'a port that imports another',
    /^rank-2-tools: src\/tools\/bad\.ts → src\/models\/model\.ts/,
    'src/tools/bad.ts',
    `export type { Model } from '../models/model.ts'\n`,
  ],
  [
    'an agent that opens an adapter',
    /^adapters-only.*src\/agent\/bad\.ts → src\/models\/script/,
    'src/agent/bad.ts',
    `export { open } from '../models/script/script.ts'\n`,
  ],
  [
    'an agent that opens an adapter lazily',
    /^adapters-only.*src\/agent\/lazy\.ts → src\/tools\/builtin/,
    'src/agent/lazy.ts',
    `export const clock = () => import('../tools/builtin/clock.ts')\n`,
  ],
  [
    'an adapter that imports another',
    /^no-adapter-to-adapter: src\/models\/tape/,
    'src/models/tape/tape.ts',
    `export { open } from '../script/script.ts'\n`,
  ],
  [
    'node:fs in an agent',
    /^core-is-runtime-neutral: src\/agent\/disk\.ts → /,
    'src/agent/disk.ts',
    `import { readFileSync } from 'node:fs'\nexport const read = readFileSync\n`,
  ],
  ['node:fs in a port', /^core-is-runtime-neutral: src\/models\/disk\.ts → /, 'src/models/disk.ts', `export { readFileSync } from 'fs'\n`],
  ['code that imports a test', /^no-way-out-of-src: src\/agent\/peek\.ts/, 'src/agent/peek.ts', `import './loop.test.ts'\n`],
  [
    'an import inside a using declaration',
    /^adapters-only.*src\/agent\/using\.ts → src\/tools\/builtin/,
    'src/agent/using.ts',
    `export async function f() {\n  await using x = await import('../tools/builtin/clock.ts')\n  return x\n}\n`,
  ],
  ['an import that leads nowhere', /^no-unresolvable: src\/agent\/lost\.ts/, 'src/agent/lost.ts', `export * from './nothing.ts'\n`],
  [
    'the root door in a lower rank',
    /^rank-5-testing: src\/testing\/bad\.ts → src\/index\.ts/,
    'src/testing/bad.ts',
    `export { loop } from '../index.ts'\n`,
  ],
  ['a folder without a rank', /^src\/extra: has no rank/, 'src/extra/thing.ts', 'export const thing = 1\n'],
]

describe('the import ranks', () => {
  it('let a clean tree pass, tests that reach upward included', () => {
    expect(check('ranks', clean)).toEqual({ code: 0, faults: [] })
  })

  it('report each planted fault, and nothing else', () => {
    const { code, faults } = check('ranks', { ...clean, ...Object.fromEntries(planted.map(([, , path, text]) => [path, text])) })
    expect(code).toBe(1)
    for (const [hazard, rule] of planted) expect(faults, hazard).toContainEqual(expect.stringMatching(rule))
    expect(faults.filter((fault) => !planted.some(([, rule]) => rule.test(fault)))).toEqual([])
  })

  it('report a cycle, of types alone too', () => {
    const { code, faults } = check('ranks', {
      'src/agent/a.ts': `import type { B } from './b.ts'\nexport interface A { b: B }\n`,
      'src/agent/b.ts': `import type { A } from './a.ts'\nexport interface B { a: A }\n`,
    })
    expect(code).toBe(1)
    expect(faults.join()).toMatch(/no-cycles: src\/agent\/[ab]\.ts → src\/agent\/[ab]\.ts/)
  })

  it('fail on a tree in which no module is seen', () => {
    expect(check('ranks', { 'src/agent/notes.md': 'nothing to read' })).toEqual({
      code: 1,
      faults: [expect.stringContaining('no module was seen')],
    })
    expect(check('ranks', {}).code).toBe(1)
  })
})
