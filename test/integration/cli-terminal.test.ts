import { spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { fence, place, type Place } from './cli-harness.ts'

const python = spawnSync('python3', ['-c', 'import pty']).status === 0

/** Starts a command on a pseudo terminal, types what is to be typed when a text has come, and gives all that was on the screen. */
const ON_TERMINAL = `
import os, pty, sys, json, select
steps, args = json.loads(sys.argv[1]), sys.argv[2:]
pid, fd = pty.fork()
if pid == 0: os.execvp(args[0], args)
seen = b''
while True:
  try: data = os.read(fd, 65536)
  except OSError: break
  if not data: break
  os.write(1, data); seen += data
  while steps and steps[0][0].encode() in seen:
    seen = seen.split(steps[0][0].encode(), 1)[1]
    os.write(fd, steps[0][1].encode()); steps.pop(0)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`

function onTerminal(at: Place, steps: readonly [sees: string, types: string][], args: readonly string[], env: Record<string, string> = {}) {
  const troupe = [process.execPath, join(import.meta.dirname, '../../bin/troupe.mjs'), ...args]
  const child = spawn('python3', ['-c', ON_TERMINAL, JSON.stringify(steps), ...troupe], {
    cwd: at.dir,
    env: { ...process.env, TERM: 'xterm-256color', ...env },
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let screen = ''
  child.stdout.on('data', (data) => (screen += String(data)))
  child.stderr.on('data', (data) => (screen += String(data)))
  return new Promise<{ code: number | null; screen: string }>((resolve) => child.on('close', (code) => resolve({ code, screen })))
}

function asking(at: Place): void {
  at.write(
    'troupe.config.ts',
    `import { codeAgent, defineConfig, tool } from 'troupe'
     import { z } from 'zod'
     const pay = tool({ name: 'pay', description: 'Pays.', effect: 'irreversible', input: z.object({ usd: z.number() }), output: z.string(), run: ({ usd }) => 'paid ' + usd })
     export default defineConfig({ model: '${at.script(`I pay now.\n${fence('const said = await pay({ usd: 5 }).catch((error) => error.message)\nfinalAnswer(said)')}`)}', agents: { main: codeAgent({ name: 'main', description: 'Pays.', tools: [pay] }) } })`,
  )
}

describe.skipIf(!python)('on a terminal (needs python3 for a pseudo terminal)', () => {
  it('asks for approval itself and goes on', async () => {
    const at = place()
    asking(at)
    const { code, screen } = await onTerminal(
      at,
      [
        ['approve? [y/n] ', 'x\n'],
        ['approve? [y/n] ', 'y\n'],
      ],
      ['run', 'pay'],
    )
    expect(screen).toContain('paid 5')
    expect(screen).toContain('\u001b[')
    expect(code).toBe(0)
  })

  it('tells the model why not', async () => {
    const at = place()
    asking(at)
    const { code, screen } = await onTerminal(
      at,
      [
        ['approve? [y/n] ', 'n\n'],
        ['why not?', 'too dear\n'],
      ],
      ['run', 'pay', '--store', 'memory:'],
    )
    expect(screen).toMatch(/done: [^]*too dear/)
    expect(code).toBe(0)
  })

  it('leaves the question open on Ctrl-D or after --wait, and asks it again on resume', async () => {
    const at = place()
    asking(at)
    expect(await onTerminal(at, [], ['run', 'pay', '--wait', '0.5'])).toMatchObject({
      code: 4,
      screen: expect.stringContaining('waiting: 1 step'),
    })
    const { runId } = JSON.parse((await at.troupe(['runs', 'ls', '--json'])).out) as { runId: string }
    expect(await onTerminal(at, [['approve? [y/n] ', '\u0004']], ['resume', runId, '--wait', '9'])).toMatchObject({ code: 4 })
    const { code, screen } = await onTerminal(at, [['approve? [y/n] ', 'y\n']], ['resume', runId])
    expect(screen).toContain('paid 5')
    expect(code).toBe(0)
  })

  it('is cancelled by Ctrl-C while it asks', async () => {
    const at = place()
    asking(at)
    const { code, screen } = await onTerminal(at, [['approve? [y/n] ', '\u0003']], ['run', 'pay'])
    expect(screen).toContain('cancelled')
    expect(code).toBe(130)
  })

  it('has no colour with NO_COLOR, and never asks with --json', async () => {
    const at = place()
    asking(at)
    const plain = await onTerminal(at, [['approve? [y/n] ', 'y\n']], ['run', 'pay'], { NO_COLOR: '1' })
    expect(plain.screen).toContain('paid 5')
    expect(plain.screen).not.toMatch(new RegExp(`${String.fromCodePoint(27)}\\[\\d+m`))
    expect(await onTerminal(at, [], ['run', 'pay', '--json'])).toMatchObject({ code: 4, screen: expect.not.stringContaining('approve?') })
  })
})
