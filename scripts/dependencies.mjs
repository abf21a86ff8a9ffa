// Gate: every dependency has its row in docs/decisions/dependencies.md with its true licence and install script; the lockfile names no registry;
// what a user of the package installs runs no install script and stays few.
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const MOST_PACKAGES = 15 // for the root door, ours included: issue 2, "Speed"
const root = resolve(process.argv[2] ?? join(import.meta.dirname, '..'))
const read = (path) => readFileSync(join(root, path), 'utf8')
const { dependencies = {}, devDependencies = {}, peerDependencies = {}, peerDependenciesMeta = {} } = JSON.parse(read('package.json'))
const lock = read('package-lock.json')
const locked = JSON.parse(lock).packages
const faults = []

const rows = new Map()
for (const [, name, rest] of read('docs/decisions/dependencies.md').matchAll(/^\| `([^`]+)` \|(.+)\|$/gm)) {
  if (rows.has(name)) faults.push(`docs/decisions/dependencies.md: ${name} has two rows`)
  const [replaces, licence, script] = rest.split('|').map((cell) => cell.trim())
  rows.set(name, { replaces, licence, script })
}
const named = [...Object.keys(dependencies), ...Object.keys(devDependencies), ...Object.keys(peerDependencies)]
for (const name of new Set(named)) {
  const row = rows.get(name)
  const entry = locked[`node_modules/${name}`]
  if (row === undefined) faults.push(`${name}: no row in docs/decisions/dependencies.md`)
  else if (entry === undefined) faults.push(`${name}: not in package-lock.json`)
  else {
    if (!row.replaces) faults.push(`${name}: its row does not say what it replaces`)
    if (row.licence !== entry.license) faults.push(`${name}: its row says licence ${row.licence}, the package says ${entry.license}`)
    const script = entry.hasInstallScript ? 'yes' : 'no'
    if (!row.script?.startsWith(script)) faults.push(`${name}: its row says install script "${row.script}", the package says ${script}`)
  }
}
for (const name of rows.keys()) if (!named.includes(name)) faults.push(`docs/decisions/dependencies.md: ${name} is no dependency`)
for (const name of Object.keys(peerDependencies)) {
  if (!peerDependenciesMeta[name]?.optional) faults.push(`${name}: a peer is optional (peerDependenciesMeta)`)
  if (!devDependencies[name]) faults.push(`${name}: a peer is a development dependency too, or no test meets it`)
}
for (const [line] of lock.matchAll(/^\s*"resolved": "(?!file:)[^"]*"/gm))
  faults.push(`package-lock.json: ${line.trim()}: the lockfile names a registry`)
for (const [path, { optionalDependencies = {} }] of Object.entries(locked)) {
  const absent = Object.keys(optionalDependencies).filter(
    (name) => !locked[`node_modules/${name}`] && !locked[`${path}/node_modules/${name}`],
  )
  if (absent.length > 0)
    faults.push(`package-lock.json: ${path} lacks ${absent.join(', ')}: run \`node scripts/lockfile.mjs\`, or \`npm ci\` refuses it`)
}

const installed = Object.entries(locked).filter(
  ([path, entry]) => path !== '' && !entry.dev && !entry.devOptional && !entry.optional && !entry.peer,
)
for (const [path, entry] of installed)
  if (entry.hasInstallScript) faults.push(`${path}: a package that users install runs an install script`)
const count = installed.length + 1
if (count > MOST_PACKAGES) faults.push(`${count} packages are installed for a user, at most ${MOST_PACKAGES} may be`)

for (const fault of faults) console.error(fault)
if (faults.length === 0) console.log(`${named.length} named, ${count} packages for a user`)
process.exitCode = faults.length > 0 ? 1 : 0
