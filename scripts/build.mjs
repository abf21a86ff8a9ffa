// Compiles src/ to dist/ with the TypeScript compiler; nothing is bundled. Does nothing when dist/ is up to date (`--force` builds all the same).
// The new dist/ is made aside and swapped in, so that a process that runs from the old one never sees half of a build.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

// `npx troupe` in a checkout links it into npx's cache and runs `prepare` for that: there is nothing to build then, and a
// failure here would leave that cache broken for good ("Could not read package.json").
if (process.env.npm_command === 'exec' && process.env.npm_lifecycle_event === 'prepare') process.exit(0)

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const dist = join(root, 'dist')
const stamp = join(dist, '.stamp')
const state = stateOfSources()

if (!process.argv.includes('--force') && existsSync(stamp) && readFileSync(stamp, 'utf8') === state) process.exit(0)

const aside = join(root, 'node_modules', '.cache', 'troupe', `build-${process.pid}`)
const next = join(aside, 'next')
try {
  mkdirSync(aside, { recursive: true })
  execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json', '--outDir', next], {
    cwd: root,
    stdio: 'inherit',
  })
  writeFileSync(join(next, '.stamp'), state)
  swap()
} catch (error) {
  if (typeof error?.status !== 'number') throw error
  process.exitCode = 1 // the compiler has said why
} finally {
  rmSync(aside, { recursive: true, force: true })
}

function swap() {
  for (let tries = 0; ; tries++) {
    try {
      if (existsSync(dist)) renameSync(dist, join(aside, `old-${tries}`))
      renameSync(next, dist)
      return
    } catch (error) {
      if (tries === 3) throw error // another build got in between: the last one wins
    }
  }
}

function stateOfSources() {
  const sources = readdirSync(join(root, 'src'), { recursive: true }).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  const files = [...sources.map((file) => join('src', file)), 'tsconfig.json', 'tsconfig.build.json', 'scripts/build.mjs'].sort()
  const hash = createHash('sha256')
  for (const file of files) {
    const { size, mtimeMs } = statSync(join(root, file))
    hash.update(`${file} ${size} ${mtimeMs}\n`)
  }
  return hash.digest('hex')
}
