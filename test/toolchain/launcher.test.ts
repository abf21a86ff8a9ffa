import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'

/** A Node older than 24, where the machine has one: what `npx troupe` starts with there. */
const oldNode = ['/usr/bin/node', '/usr/local/bin/node'].find(
  (path) => existsSync(path) && Number(spawnSync(path, ['-p', 'parseInt(process.versions.node)'], { encoding: 'utf8' }).stdout) < 24,
)

/** A package with the launcher and a command line that says how it was started. */
function install({ built = true }: { built?: boolean } = {}): string {
  const root = mkdtempSync(join(tmpdir(), 'troupe-bin-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  cpSync(join(import.meta.dirname, '../../bin'), join(root, 'bin'), { recursive: true })
  mkdirSync(join(root, 'src'))
  mkdirSync(join(root, 'dist/cli'), { recursive: true })
  if (!built) return root
  writeFileSync(
    join(root, 'dist/cli/main.js'),
    `exports.main = async (args) => {
      if (args[0] === 'kill') process.kill(process.pid, 'SIGKILL')
      if (args[0] === 'wait') {
        const timer = setInterval(() => {}, 1000)
        const signal = new Promise((resolve) => ['SIGTERM', 'SIGINT'].forEach((name) => process.once(name, () => resolve(name))))
        console.log('ready')
        console.log(await signal)
        clearInterval(timer)
        return 143
      }
      console.log(JSON.stringify({ major: parseInt(process.versions.node), args, relaunched: process.env.TROUPE_RELAUNCHED }))
      return Number(args[0])
    }`,
  )
  return root
}

/** Puts a `node` package there that says it is version 24 and is `binary`. */
function addNode(root: string, binary: string): void {
  mkdirSync(join(root, 'node_modules/node/bin'), { recursive: true })
  writeFileSync(join(root, 'node_modules/node/package.json'), '{ "version": "24.1.0" }')
  writeFileSync(join(root, 'node_modules/node/bin/node'), `#!/bin/sh\nexec ${binary} "$@"\n`)
  chmodSync(join(root, 'node_modules/node/bin/node'), 0o755)
}

const run = (node: string, root: string, ...args: string[]) =>
  spawnSync(node, [join(root, 'bin/troupe.mjs'), ...args], { encoding: 'utf8', cwd: root })

describe('the launcher', () => {
  it('runs the command line, keeps its arguments and its exit code', () => {
    const { status, stdout } = run(process.execPath, install(), '7', '--json')
    expect({ status, ...JSON.parse(stdout) }).toEqual({ status: 7, major: 24, args: ['7', '--json'] })
  })

  it('says what to do in a checkout that is not built', () => {
    const { status, stderr } = run(process.execPath, install({ built: false }))
    expect(status).toBe(2)
    expect(stderr).toMatch(/^troupe is not built yet: run `npm run build` in .+\n$/)
  })
})

describe.skipIf(oldNode === undefined)('the launcher on an older Node (needs one in /usr/bin or /usr/local/bin)', () => {
  const old = oldNode ?? ''

  it('starts itself again on the node package, with arguments and exit code', () => {
    const root = install()
    addNode(root, process.execPath)
    const { status, stdout } = run(old, root, '3', 'x y')
    expect({ status, ...JSON.parse(stdout) }).toEqual({ status: 3, major: 24, args: ['3', 'x y'] })
  })

  it('names the version in its first line where there is no newer one', () => {
    const { status, stderr } = run(old, install())
    expect(status).toBe(2)
    expect(stderr).toMatch(/^troupe needs Node >= 24, and this is Node \d+/)
  })

  it('does not start itself for ever when the node package is not what it says', () => {
    const root = install()
    addNode(root, old)
    const { status, stderr } = run(old, root)
    expect(status).toBe(2)
    expect(stderr).toMatch(/^troupe needs Node >= 24/)
  })

  it('dies of the signal that its second process died of', () => {
    const root = install()
    addNode(root, process.execPath)
    expect(run(old, root, 'kill').signal).toBe('SIGKILL')
  })

  it.each(['SIGTERM', 'SIGINT'] as const)('passes %s on', async (signal) => {
    const root = install()
    addNode(root, process.execPath)
    const child = spawn(old, [join(root, 'bin/troupe.mjs'), 'wait'], { stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    child.stdout.on('data', (data) => {
      said += String(data)
      if (said === 'ready\n') child.kill(signal)
    })
    const code = await new Promise((resolve) => child.on('close', resolve))
    expect({ code, said }).toEqual({ code: 143, said: `ready\n${signal}\n` })
  })
})
