// Gate: house rules that no other tool here can state, read from the syntax tree (never from text, where a comment would count).
// `node scripts/house.mjs [ROOT]`
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseSync } from '@swc/core'

const root = resolve(process.argv[2] ?? join(import.meta.dirname, '..'))
const faults = []
let seen = 0
for (const folder of ['src', 'test', 'examples', 'bench']) {
  for (const file of list(folder).filter((name) => name.endsWith('.ts'))) check(file)
}
if (seen === 0) faults.push('no file was seen: the check checks nothing')
for (const fault of faults) console.error(fault)
if (faults.length === 0) console.log(`${seen} files`)
process.exitCode = faults.length > 0 ? 1 : 0

function check(file) {
  seen++
  const source = readFileSync(join(root, file), 'utf8')
  const isTest = /\.test(-d)?\.ts$/.test(file) || file.startsWith('test/')
  const inSource = file.startsWith('src/') && !isTest
  const name = file.split('/').at(-1)
  if (!/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z-]+)*\.ts$/.test(name)) faults.push(`${file}: file names are kebab-case`)
  if (/^examples\/\d\d-[^/]+\.ts$/.test(file) && source.trimEnd().split('\n').length > 40)
    faults.push(`${file}: an example has at most 40 lines`)

  const tree = parseSync(source, { syntax: 'typescript', target: 'es2024' })
  const bytes = Buffer.from(source)
  const at = (node) =>
    `${file}:${
      bytes
        .subarray(0, node.span.start - 1)
        .toString()
        .split('\n').length
    }` // spans count bytes, from 1
  walk(tree, (node) => {
    if (
      inSource &&
      node.type === 'NewExpression' &&
      ['Error', 'TypeError', 'RangeError'].includes(node.callee.value) &&
      !allowed(source, at(node))
    )
      faults.push(
        `${at(node)}: \`new ${node.callee.value}\`: throw a TroupeError with a code (a line above with \`// plain error:\` and the reason lets it pass)`,
      )
    if (
      inSource &&
      node.type === 'TsAsExpression' &&
      node.expression.type === 'TsAsExpression' &&
      node.expression.typeAnnotation.kind === 'unknown'
    )
      faults.push(`${at(node)}: \`as unknown as\`: parse, or write a type guard`)
    if (
      isTest &&
      node.type === 'MemberExpression' &&
      node.property.value === 'only' &&
      ['it', 'test', 'describe', 'suite'].includes(rootName(node.object))
    )
      faults.push(`${at(node)}: \`.only\` leaves the other tests out`)
  })
}

function allowed(source, place) {
  const line = Number(place.split(':').at(-1))
  return /\/\/ plain error: \S/.test(source.split('\n')[line - 2] ?? '')
}

function rootName(node) {
  return node.type === 'MemberExpression' ? rootName(node.object) : node.type === 'CallExpression' ? rootName(node.callee) : node.value
}

function walk(node, visit) {
  if (Array.isArray(node)) {
    for (const item of node) walk(item, visit)
  } else if (typeof node === 'object' && node !== null) {
    if (typeof node.type === 'string') visit(node)
    for (const value of Object.values(node)) walk(value, visit)
  }
}

function list(folder) {
  try {
    return readdirSync(join(root, folder), { recursive: true })
      .map((name) => join(folder, name))
      .filter((name) => !/(^|\/)(fixtures|node_modules|\.bars|\.troupe)\//.test(name))
      .toSorted()
  } catch {
    return [] // not made yet
  }
}
