// Gate: the names of each door of the exports map, as docs/doors.json has them. A door changes only on purpose: `npm run doors` rewrites the file.
// Values are what `import()` of the built file gives; types are what its .d.ts exports besides.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseSync } from '@swc/core'

const root = resolve(process.argv.slice(2).find((arg) => !arg.startsWith('--')) ?? join(import.meta.dirname, '..'))
const snapshot = join(root, 'docs/doors.json')
const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

const doors = {}
const faults = []
for (const [door, target] of Object.entries(exports)) {
  if (door === './package.json') continue
  const file = join(root, typeof target === 'string' ? target : target.default)
  if (!existsSync(file)) faults.push(`${door}: ${file.slice(root.length + 1)} does not exist`)
  else if (typeof target === 'string') doors[door] = 'worker file' // starting it is its use: importing it is not
  else doors[door] = await namesOf(file, join(root, target.types))
}

if (process.argv.includes('--update')) {
  writeFileSync(snapshot, JSON.stringify(doors, null, 2) + '\n')
} else {
  const known = existsSync(snapshot) ? JSON.parse(readFileSync(snapshot, 'utf8')) : {}
  for (const door of new Set([...Object.keys(known), ...Object.keys(doors)])) {
    const before = flat(known[door])
    const now = flat(doors[door])
    for (const name of before.filter((name) => !now.includes(name))) faults.push(`${door}: - ${name}`)
    for (const name of now.filter((name) => !before.includes(name))) faults.push(`${door}: + ${name}`)
  }
}
for (const fault of faults) console.error(fault)
if (faults.length > 0) console.error('If the doors were meant to change, run `npm run doors` and commit docs/doors.json.')
process.exitCode = faults.length > 0 ? 1 : 0

function flat(door) {
  if (door === undefined) return []
  return typeof door === 'string' ? [door] : [...door.values.map((name) => `value ${name}`), ...door.types.map((name) => `type ${name}`)]
}

async function namesOf(file, declarations) {
  const values = Object.keys(await import(pathToFileURL(file).href)).toSorted()
  const declared = declaredIn(declarations)
  for (const name of values.filter((name) => !declared.has(name)))
    faults.push(`${file.slice(root.length + 1)}: exports ${name}, its declarations do not`)
  return { values, types: [...declared].filter((name) => !values.includes(name)).toSorted((a, b) => (a < b ? -1 : 1)) }
}

/** The names a .d.ts exports, following `export *`. */
function declaredIn(file) {
  const names = new Set()
  for (const item of parseSync(readFileSync(file, 'utf8'), { syntax: 'typescript', dts: true, target: 'es2024' }).body) {
    if (item.type === 'ExportAllDeclaration') {
      if (!item.source.value.startsWith('.'))
        faults.push(`${file}: \`export * from '${item.source.value}'\` gives names that are not ours to keep`)
      else for (const name of declaredIn(join(dirname(file), item.source.value.replace(/\.[jt]s$/, '.d.ts')))) names.add(name)
    } else if (item.type === 'ExportNamedDeclaration') {
      for (const specifier of item.specifiers) names.add((specifier.exported ?? specifier.name ?? specifier.orig).value)
    } else if (item.type === 'ExportDeclaration') {
      const declarations = item.declaration.declarations ?? [item.declaration]
      for (const declaration of declarations) names.add((declaration.identifier ?? declaration.id).value)
    } else if (item.type === 'ExportDefaultDeclaration' || item.type === 'ExportDefaultExpression') {
      names.add('default')
    }
  }
  return names
}
