// Gate: code in README.md is taken from examples/. A line `<!-- code: examples/01-hello.ts -->` stands before each TypeScript block, which then
// equals that file, and links inside the repository lead somewhere. `--update` copies the files in. `node scripts/readme.mjs [ROOT]`
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

const root = resolve(process.argv.slice(2).find((arg) => !arg.startsWith('--')) ?? join(import.meta.dirname, '..'))
const readme = join(root, 'README.md')
const block = /(<!-- code: (\S+) -->\n+)?```(?:ts|typescript)\n([\s\S]*?)```/g
const text = readFileSync(readme, 'utf8')
const examples = existsSync(join(root, 'examples')) ? readdirSync(join(root, 'examples')).filter((name) => /^\d\d-.*\.ts$/.test(name)) : []
const faults = []
let taken = 0

const updated = text.replace(block, (whole, marker, file, code) => {
  const line = text.slice(0, text.indexOf(whole)).split('\n').length
  if (marker === undefined) {
    faults.push(`README.md:${line}: a TypeScript block without \`<!-- code: examples/… -->\` before it`)
    return whole
  }
  taken++
  if (!existsSync(join(root, file))) {
    faults.push(`README.md:${line}: ${file} does not exist`)
    return whole
  }
  const source = readFileSync(join(root, file), 'utf8').trimEnd() + '\n'
  if (source !== code && !process.argv.includes('--update'))
    faults.push(`README.md:${line}: the block differs from ${file}: run \`node scripts/readme.mjs --update\``)
  return `${marker}\`\`\`ts\n${source}\`\`\``
})
if (taken === 0 && examples.length > 0) faults.push('README.md: shows none of the examples')
for (const page of pages()) {
  for (const [, target] of readFileSync(join(root, page), 'utf8').matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)[^)]*\)/g)) {
    if (!existsSync(join(root, dirname(page), target))) faults.push(`${page}: the link to ${target} leads nowhere`)
  }
}

/** The repository's own pages. */
function pages() {
  const docs = existsSync(join(root, 'docs')) ? readdirSync(join(root, 'docs'), { recursive: true }).map((name) => join('docs', name)) : []
  return [...readdirSync(root), ...docs].filter((name) => name.endsWith('.md'))
}

if (process.argv.includes('--update')) writeFileSync(readme, updated)
for (const fault of faults) console.error(fault)
process.exitCode = faults.length > 0 ? 1 : 0
