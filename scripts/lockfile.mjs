// Completes package-lock.json after a change of dependencies: `node scripts/lockfile.mjs`. npm leaves out platform packages that the registry at
// hand lacks; `npm ci` then refuses the lockfile, and a machine of that platform gets no binary. Their entries follow from the name alone.
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const file = join(resolve(process.argv[2] ?? join(import.meta.dirname, '..')), 'package-lock.json')
const lock = JSON.parse(readFileSync(file, 'utf8'))
const added = []
for (const [path, { optionalDependencies, dev }] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(optionalDependencies ?? {})) {
    if (lock.packages[`node_modules/${name}`] || lock.packages[`${path}/node_modules/${name}`]) continue
    lock.packages[`node_modules/${name}`] = { version, ...platformOf(name), ...(dev && { dev }), optional: true }
    added.push(name)
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).toSorted(([a], [b]) => a.localeCompare(b, 'en')))
if (added.length > 0) writeFileSync(file, JSON.stringify(lock, null, 2) + '\n')
console.log(`${added.length} added`)

function platformOf(name) {
  const parts = name.split('/').at(-1).split('-')
  const os = ['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32'].find((part) => parts.includes(part))
  const cpu = ['arm64', 'arm', 'ia32', 'ppc64', 'riscv64', 's390x', 'x64'].find((part) => parts.includes(part))
  if (parts.includes('wasm32')) return { cpu: ['wasm32'] }
  if (!os || !cpu) throw new Error(`${name} does not say its platform: add it to package-lock.json by hand`)
  const libc = parts.includes('musl') || parts.includes('musleabihf') ? 'musl' : 'glibc'
  return { cpu: [cpu], ...(os === 'linux' && cpu !== 'arm' && { libc: [libc] }), os: [os] }
}
