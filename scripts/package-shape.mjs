// Gate: what would be published. Packs the package, lets publint read the tarball, and looks at its list of files. `node scripts/package-shape.mjs [ROOT]`
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'

const root = resolve(process.argv[2] ?? join(import.meta.dirname, '..'))
const out = mkdtempSync(join(tmpdir(), 'troupe-pack-'))
try {
  const answer = execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', out], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const parsed = JSON.parse(answer)
  const [{ filename, files, size }] = Array.isArray(parsed) ? parsed : Object.values(parsed)
  const paths = files.map((file) => file.path)
  const tarball = readFileSync(join(out, filename))
  const { messages, pkg } = await publint({
    strict: true,
    pack: { tarball: tarball.buffer.slice(tarball.byteOffset, tarball.byteOffset + tarball.byteLength) },
  })

  const faults = messages.map((message) => formatMessage(message, pkg, { color: false }))
  for (const path of ['package.json', 'README.md', 'LICENSE', 'bin/troupe.mjs', 'dist/index.js', 'dist/index.d.ts', 'dist/cli/main.js']) {
    if (!paths.includes(path)) faults.push(`${path} is not in the package`)
  }
  for (const path of paths.filter((path) => /\.test\.|\.stamp$|^src\/|^test\/|\.snap$/.test(path)))
    faults.push(`${path} does not belong in the package`)

  for (const fault of faults) console.error(fault)
  if (faults.length === 0) console.log(`${paths.length} files, ${Math.round(size / 1024)} KiB packed`)
  process.exitCode = faults.length > 0 ? 1 : 0
} finally {
  rmSync(out, { recursive: true, force: true })
}
