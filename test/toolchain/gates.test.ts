import { describe, expect, it } from 'vitest'
import { check } from './plant.ts'

describe('the gate of house rules', () => {
  it('names the line of each planted fault, and reads the tree, not the text', () => {
    const { code, faults } = check('house', {
      'src/agent/loop.ts': [
        `// é: spans count bytes; throw new Error('in a comment')`,
        `export const text = "throw new Error('in a string')"`,
        `export function f(x: unknown) {`,
        `  if (x) throw new Error('bare')`,
        `  // plain error: crosses into the guest, which knows no other`,
        `  if (!x) throw new TypeError('allowed')`,
        `  return x as unknown as string`,
        `}`,
      ].join('\n'),
      'src/agent/BadName.ts': 'export const a = 1\n',
      'src/agent/loop.test.ts': `it.only('x', () => {\n  throw new Error('tests may')\n})\ndescribe.only.each([1])('y', () => {})\n`,
      'examples/01-long.ts': 'let a\n'.repeat(41),
    })
    expect(code).toBe(1)
    expect(faults.map((fault) => fault.split(': ').slice(0, 2).join(': '))).toEqual([
      'src/agent/BadName.ts: file names are kebab-case',
      'src/agent/loop.test.ts:1: `.only` leaves the other tests out',
      'src/agent/loop.test.ts:4: `.only` leaves the other tests out',
      'src/agent/loop.ts:4: `new Error`',
      'src/agent/loop.ts:7: `as unknown as`',
      'examples/01-long.ts: an example has at most 40 lines',
    ])
  })

  it('fails where it sees no file', () => {
    expect(check('house', { 'src/notes.md': '' })).toEqual({ code: 1, faults: [expect.stringContaining('no file was seen')] })
  })
})

describe('the gate of doors', () => {
  const files = {
    'package.json': JSON.stringify({
      type: 'module',
      exports: {
        '.': { types: './dist/index.d.ts', default: './dist/index.js' },
        './worker': './dist/worker.js',
        './package.json': './package.json',
      },
    }),
    'dist/index.js': 'export const tool = 1\nexport class Fault {}\n',
    'dist/index.d.ts': `export declare const tool: number\nexport declare class Fault {}\nexport * from './types.js'\nexport { type A as B } from './types.js'\n`,
    'dist/types.d.ts': 'export interface A { a: 1 }\nexport type C = A\n',
    'dist/worker.js': '',
    'docs/doors.json': JSON.stringify({ '.': { values: ['Fault', 'tool'], types: ['A', 'B', 'C'] }, './worker': 'worker file' }),
  }

  it('holds when each door has its names', () => {
    expect(check('doors', files)).toEqual({ code: 0, faults: [] })
  })

  it('shows what came and went, types too', () => {
    const changed = {
      ...files,
      'dist/index.js': 'export const tool = 1\nexport class Fault {}\nexport const extra = 1\n',
      'dist/types.d.ts': 'export interface A { a: 1 }\n',
    }
    const { code, faults } = check('doors', changed)
    expect(code).toBe(1)
    expect(faults).toEqual(
      expect.arrayContaining(['dist/index.js: exports extra, its declarations do not', '.: - type C', '.: + value extra']),
    )
  })

  it('reports a door that leads nowhere, and one that the snapshot has and the package has not', () => {
    const { 'dist/worker.js': _, ...missing } = files
    expect(check('doors', missing).faults).toEqual(
      expect.arrayContaining(['./worker: dist/worker.js does not exist', './worker: - worker file']),
    )
  })
})

describe('the gate of dependencies', () => {
  const row = (name: string, licence = 'MIT', script = 'no') => `| \`${name}\` | something of our own | ${licence} | ${script} |\n`
  const packages = (extra: object = {}) => ({
    '': {},
    'node_modules/a': { version: '1.0.0', license: 'MIT' },
    'node_modules/b': { version: '1.0.0', license: 'ISC', dev: true, hasInstallScript: true },
    ...extra,
  })
  const files = {
    'package.json': JSON.stringify({ dependencies: { a: '^1.0.0' }, devDependencies: { b: '^1.0.0' } }),
    'package-lock.json': JSON.stringify({ packages: packages() }),
    'docs/decisions/dependencies.md': row('a') + row('b', 'ISC', 'yes: links a binary'),
  }

  it('holds when each has its true row', () => {
    expect(check('dependencies', files)).toEqual({ code: 0, faults: [] })
  })

  it.each([
    ['no row', { 'docs/decisions/dependencies.md': row('a') }, 'b: no row in'],
    ['a row too many', { 'docs/decisions/dependencies.md': files['docs/decisions/dependencies.md'] + row('c') }, 'c is no dependency'],
    [
      'another licence',
      { 'docs/decisions/dependencies.md': row('a', 'ISC') + row('b', 'ISC', 'yes') },
      'a: its row says licence ISC, the package says MIT',
    ],
    [
      'an install script unsaid',
      { 'docs/decisions/dependencies.md': row('a') + row('b', 'ISC') },
      'b: its row says install script "no", the package says yes',
    ],
    [
      'a registry in the lockfile',
      {
        'package-lock.json': JSON.stringify(
          { packages: packages({ 'node_modules/c': { dev: true, resolved: 'https://r.example/c.tgz' } }) },
          null,
          1,
        ),
      },
      'the lockfile names a registry',
    ],
    [
      'a platform left out of the lockfile',
      {
        'package-lock.json': JSON.stringify({
          packages: packages({ 'node_modules/c': { dev: true, optionalDependencies: { 'c-darwin-arm64': '1.0.0' } } }),
        }),
      },
      'node_modules/c lacks c-darwin-arm64',
    ],
    [
      'an install script for users',
      { 'package-lock.json': JSON.stringify({ packages: packages({ 'node_modules/c': { hasInstallScript: true } }) }) },
      'node_modules/c: a package that users install runs an install script',
    ],
    [
      'too many packages',
      {
        'package-lock.json': JSON.stringify({
          packages: packages(Object.fromEntries(Array.from({ length: 15 }, (_, i) => [`node_modules/x${i}`, {}]))),
        }),
      },
      '17 packages are installed',
    ],
    [
      'a peer that is not optional',
      { 'package.json': JSON.stringify({ peerDependencies: { a: '1' }, devDependencies: { a: '1', b: '1' } }) },
      'a: a peer is optional',
    ],
  ])('reports %s', (_, change, fault) => {
    const { code, faults } = check('dependencies', { ...files, ...change })
    expect(code).toBe(1)
    expect(faults.join('\n')).toContain(fault)
  })
})

describe('the gate of the README', () => {
  const block = (code: string, file = 'examples/01-hello.ts') => `<!-- code: ${file} -->\n\`\`\`ts\n${code}\n\`\`\`\n`
  const files = { 'examples/01-hello.ts': 'const a = 1\n', 'README.md': block('const a = 1') + '[x](examples/01-hello.ts)\n' }

  it('holds when the block is the example', () => {
    expect(check('readme', files)).toEqual({ code: 0, faults: [] })
  })

  it.each([
    ['a block that differs', block('const a = 2'), 'README.md:1: the block differs from examples/01-hello.ts'],
    ['an example that is not there', block('const a = 1', 'examples/02-gone.ts'), 'examples/02-gone.ts does not exist'],
    ['a block from nowhere', block('const a = 1') + '```ts\nconst b = 1\n```\n', 'README.md:5: a TypeScript block without'],
    ['a README without the examples', 'words\n', 'shows none of the examples'],
    ['a link that leads nowhere', block('const a = 1') + '[x](docs/gone.md)\n', 'README.md: the link to docs/gone.md leads nowhere'],
  ])('reports %s', (_, readme, fault) => {
    const { code, faults } = check('readme', { ...files, 'README.md': readme })
    expect(code).toBe(1)
    expect(faults.join('\n')).toContain(fault)
  })
})

describe('the gate of the package', () => {
  it('reports what is missing, what does not belong, and a door without its file', () => {
    const { code, faults } = check('package-shape', {
      'package.json': JSON.stringify({
        name: 'x',
        version: '1.0.0',
        type: 'module',
        files: ['dist', 'bin'],
        exports: { '.': './dist/index.js', './gone': './dist/gone.js' },
      }),
      'dist/index.js': 'export {}\n',
      'dist/a.test.js': '',
      'bin/troupe.mjs': '',
    })
    expect(code).toBe(1)
    expect(faults).toEqual(
      expect.arrayContaining([
        expect.stringContaining('./dist/gone.js but the file does not exist'),
        'LICENSE is not in the package',
        'dist/a.test.js does not belong in the package',
      ]),
    )
  })
})
