import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { findCgroups, sweepCgroups } from '../../src/sandbox/bubblewrap/cgroup.ts'
import { bubblewrapWith } from '../../src/sandbox/bubblewrap/create.ts'
import { ALL_DEFENCES, type Defences } from '../../src/sandbox/bubblewrap/defences.ts'
import { limitsOf } from '../../src/sandbox/limits.ts'
import { itNeeds, noBubblewrap, ROOTFS } from '../services.ts'
import { attack, type Attack, describeSeen, run, SECRET_VARIABLE, type Seen, WIRE_ATTACKS } from './process-attacks.ts'
import { MAX_GAP_MS } from '../../src/testing/sandbox-conformance/awake.ts'

const it = itNeeds(noBubblewrap)
const PLANTED = '/usr/local/troupe-planted'
// Not in /tmp, which a guest has of its own whatever root it sees.
const secret = `/var/tmp/troupe-secret-${process.pid}`
let server: Server
let port = 0

const KEYCTL = process.arch === 'arm64' ? 219 : 250
const NETLINK = 16
const syscall = (number: number, ...args: string[]): string =>
  `import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nresult = libc.syscall(${[number, ...args].join(', ')})\n[result, ctypes.get_errno()]`
const errno =
  (n: number) =>
  ({ value }: Seen): boolean =>
    Array.isArray(value) && value[0] === -1 && value[1] === n

const ATTACKS: () => readonly Attack<keyof Defences>[] = () => [
  ...WIRE_ATTACKS,
  {
    name: 'a file of the host',
    defence: 'rootTree',
    code: `open(${JSON.stringify(secret)}).read()`,
    isContained: ({ outcome, value }) => outcome === 'error' && value === undefined,
  },
  {
    name: 'a file planted for later sessions',
    defence: 'readOnly',
    code: `open('${PLANTED}', 'w').write('x')`,
    isContained: ({ outcome }) => outcome === 'error',
  },
  {
    name: 'a service of the host',
    defence: 'network',
    code: `import socket\nsocket.create_connection(('127.0.0.1', ${port}), 1).recv(6).decode()`,
    isContained: ({ outcome }) => outcome === 'error',
  },
  {
    name: 'a process of the host',
    defence: 'processTree',
    code: `import os\nos.path.exists('/proc/${process.pid}/status') and 'vitest' in open('/proc/${process.pid}/cmdline').read() or 'node' in open('/proc/${process.pid}/cmdline').read()`,
    isContained: ({ value }) => value !== true,
  },
  {
    name: 'rights in its namespace',
    defence: 'nobody',
    code: "import os\n[os.getuid(), [line for line in open('/proc/self/status') if line.startswith('CapEff')][0].split()[1]]",
    isContained: ({ value }) => JSON.stringify(value) === '[65534,"0000000000000000"]',
  },
  {
    name: 'a secret of the environment',
    defence: 'environment',
    code: `import os\nos.environ.get('${SECRET_VARIABLE}') or open('/proc/1/environ').read().count('${SECRET_VARIABLE}') or None`,
    isContained: ({ value }) => value === undefined,
  },
  { name: 'the keys of the kernel', defence: 'seccomp', code: syscall(KEYCTL, '0', '-3', '1'), isContained: errno(1) },
  {
    name: 'a socket to the kernel',
    defence: 'seccomp',
    code: `import socket\nsocket.socket(${NETLINK}, socket.SOCK_RAW, 0).fileno()`,
    isContained: ({ outcome }) => outcome === 'error',
  },
  {
    name: 'a full disk',
    defence: 'disk',
    limits: { diskMb: 4, memoryMb: 256 },
    code: "open('/tmp/x', 'wb').write(b'x' * (32 << 20))",
    isContained: ({ message }) => message.includes('No space left'),
  },
  {
    name: 'a full disk of shared memory',
    defence: 'disk',
    limits: { diskMb: 4, memoryMb: 256 },
    code: "open('/dev/shm/x', 'wb').write(b'x' * (32 << 20))",
    isContained: ({ message }) => message.includes('No space left'),
  },
  {
    name: 'memory without end',
    defence: 'memory',
    limits: { memoryMb: 32 },
    code: 'held = [bytes([i]) * 1_000_000 for i in range(1, 200)]\nlen(held)',
    isContained: ({ outcome, poisoned }) => outcome === 'memory' && poisoned,
  },
  {
    name: 'memory without end in TypeScript',
    defence: 'memory',
    language: 'typescript',
    limits: { memoryMb: 32 },
    code: 'const held = []; for (let i = 1; i < 200; i++) held.push(new Uint8Array(1e6).fill(i)); held.length',
    isContained: ({ outcome, poisoned }) => outcome === 'memory' && poisoned,
  },
  {
    name: 'a fork bomb',
    defence: 'processes',
    limits: { processes: 16 },
    code: 'import os, time\nn = 0\nwhile n < 120:\n    try: pid = os.fork()\n    except OSError: break\n    if pid == 0:\n        time.sleep(30)\n        os._exit(0)\n    n += 1\nn',
    isContained: ({ value }) => typeof value === 'number' && value <= 16,
  },
  {
    name: 'every core of the machine',
    defence: 'cpus',
    limits: { cpus: 0.05 },
    code: 'import os, time\nend = time.monotonic() + 1\nfor i in range(4):\n    if os.fork() == 0:\n        while time.monotonic() < end: pass\n        os._exit(0)\nfor i in range(4): os.wait()\nt = os.times()\n(t.children_user + t.children_system) / (time.monotonic() - end + 1)',
    isContained: ({ value }) => typeof value === 'number' && value < 0.12,
  },
  {
    name: 'packages that nobody allowed',
    defence: 'hiddenPackages',
    code: "import os\nos.path.exists('/usr/lib/python3/dist-packages/pandas/__init__.py')",
    isContained: ({ value }) => value === false,
  },
]

const off = (names: readonly (keyof Defences)[]): Defences => ({
  ...ALL_DEFENCES,
  ...Object.fromEntries(names.map((name) => [name, false])),
})

async function tryAttack(defences: Defences, tried: Attack<keyof Defences>): Promise<Seen> {
  const sandbox = bubblewrapWith(defences, { rootfs: ROOTFS, warm: 0 })
  try {
    return await attack(sandbox, tried)
  } finally {
    await sandbox[Symbol.asyncDispose]()
  }
}

/** Everything of ours that the machine holds now. */
function held(): readonly string[] {
  const tree = findCgroups()
  if ('missing' in tree) throw new Error(tree.missing)
  const groups = [tree.memory, tree.pids, tree.cpu].flatMap((dir) =>
    readdirSync(dir)
      .filter((name) => name.startsWith(`troupe-${process.pid}-`))
      .map((name) => join(dir, name)),
  )
  const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && existsSync(`/proc/${name}`) && isChild(name))
  return [...groups, ...processes, ...readdirSync(tmpdir()).filter((name) => name.includes('bwrap') || name.startsWith('troupe-sandbox'))]
}

function isChild(pid: string): boolean {
  try {
    const stat = String(readStat(pid))
    return stat.includes('(bwrap)') && Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === process.pid
  } catch {
    return false
  }
}

function readStat(pid: string): string {
  return process.getBuiltinModule('node:fs').readFileSync(`/proc/${pid}/stat`, 'utf8')
}

beforeAll(async () => {
  process.env[SECRET_VARIABLE] = 'hush'
  writeFileSync(secret, 'hush', { mode: 0o644 })
  server = createServer((socket) => socket.end('secret'))
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  port = (server.address() as { port: number }).port
})

afterAll(() => {
  server.close()
  rmSync(secret, { force: true })
  rmSync(join(ROOTFS, PLANTED), { force: true })
})

describe('attacks on the bubblewrap sandbox', () => {
  for (const { name, without = [] } of ATTACKS()) {
    it(`contains ${name}`, async () => {
      const tried = ATTACKS().find((one) => one.name === name) as Attack<keyof Defences>
      const seen = await tryAttack(off(without), tried)
      expect(tried.isContained(seen), describeSeen(seen)).toBe(true)
      expect(seen.gapMs, describeSeen(seen)).toBeLessThan(MAX_GAP_MS)
    })
  }
})

describe('every defence of the bubblewrap sandbox is needed', () => {
  for (const name of Object.keys(ALL_DEFENCES) as (keyof Defences)[]) {
    it(`without ${name} an attack gets through`, async () => {
      const tries = ATTACKS().filter(({ defence }) => defence === name)
      const [first] = tries
      if (first === undefined) throw new Error(`no attack needs ${name}`)
      const seen = await tryAttack(off([name, ...(first.without ?? [])]), first)
      expect(first.isContained(seen), describeSeen(seen)).toBe(false)
    })
  }
})

describe('a bubblewrap guest that dies', () => {
  const sandbox = bubblewrapWith(ALL_DEFENCES, { rootfs: ROOTFS, warm: 1 })
  afterAll(() => sandbox[Symbol.asyncDispose]())
  const open = () => sandbox.open({ language: 'python', limits: limitsOf({ memoryMb: 64, timeoutMs: 5_000 }), tools: [], context: {} })

  for (const [how, code] of [
    ['exits', 'import os\nos._exit(3)'],
    ['crashes', 'import ctypes\nctypes.string_at(0)'],
    ['closes its channel', 'import os\nos.close(3)\nos.close(4)'],
  ] as const) {
    it(`and ${how} ends the step as a crash`, async () => {
      const session = await open()
      const seen = await run(session, code)
      expect(seen, describeSeen(seen)).toMatchObject({ outcome: 'crash', poisoned: true })
      await session[Symbol.asyncDispose]()
      await using next = await open()
      expect((await run(next, '3 + 4')).value).toBe(7)
    })
  }

  it('because it was killed from outside closes the session, and the next one is well', async () => {
    const session = await open()
    const running = run(session, 'import time\ntime.sleep(20)', '1', 10_000)
    await new Promise((resolve) => setTimeout(resolve, 200))
    for (const pid of readdirSync('/proc')) if (/^\d+$/.test(pid) && isChild(pid)) process.kill(Number(pid), 'SIGKILL')
    expect((await running).outcome).toBe('sandbox/closed')
    await session[Symbol.asyncDispose]()
    await new Promise((resolve) => setTimeout(resolve, 200)) // the warm one was killed too, and is found out when its end is told
    await using next = await open()
    expect((await run(next, '3 + 4')).value).toBe(7)
  })
})

describe('what a bubblewrap sandbox leaves behind', () => {
  it('is nothing, whatever happened in its sessions', async () => {
    const before = held()
    const sandbox = bubblewrapWith(ALL_DEFENCES, { rootfs: ROOTFS, warm: 2 })
    const codes = [
      '1',
      'while True: pass',
      'import os\nos._exit(1)',
      'held = [bytes([i]) * 1_000_000 for i in range(1, 200)]',
      'import os\nfor i in range(8):\n    if os.fork() == 0:\n        os.setsid()\n        while True: pass',
    ]
    await Promise.all(
      codes.map(async (code) => {
        const session = await sandbox.open({
          language: 'python',
          limits: limitsOf({ memoryMb: 32, timeoutMs: 300 }),
          tools: [],
          context: {},
        })
        await run(session, code)
        await session[Symbol.asyncDispose]()
      }),
    )
    expect(held().length).toBeGreaterThan(before.length) // the warm ones
    await sandbox[Symbol.asyncDispose]()
    expect(held()).toEqual(before)
  })

  it('is nothing when the host exits with open sessions, and a sweep removes what a killed host left', async () => {
    const tree = findCgroups()
    if ('missing' in tree) throw new Error(tree.missing)
    const program = `
      import { bubblewrap } from ${JSON.stringify(new URL('../../src/sandbox/bubblewrap/bubblewrap.ts', import.meta.url).href)}
      import { limitsOf } from ${JSON.stringify(new URL('../../src/sandbox/limits.ts', import.meta.url).href)}
      const sandbox = bubblewrap({ rootfs: ${JSON.stringify(ROOTFS)} })
      await sandbox.open({ language: 'python', limits: limitsOf(), tools: [], context: {} })
      console.log('open')
      if (process.argv[1] === 'kill') setInterval(() => {}, 1000)`
    const groupsOf = (pid: number | undefined): readonly string[] =>
      [tree.memory, tree.pids, tree.cpu].flatMap((dir) => readdirSync(dir).filter((name) => name.startsWith(`troupe-${pid}-`)))
    for (const how of ['exit', 'kill']) {
      const host = spawn(process.execPath, ['--input-type=module', '-e', program, how], { stdio: ['ignore', 'pipe', 'inherit'] })
      const exited = new Promise((resolve) => host.on('exit', resolve))
      await new Promise((resolve) => host.stdout.once('data', resolve))
      if (how === 'kill') host.kill('SIGKILL')
      await exited
      if (how === 'kill') {
        expect(groupsOf(host.pid).length).toBeGreaterThan(0)
        sweepCgroups(tree)
      }
      expect(groupsOf(host.pid), how).toEqual([])
    }
  })
})

describe('bubblewrap where something is missing', () => {
  it('says what, and how to install it', async () => {
    const open = (options: Parameters<typeof bubblewrapWith>[1]) =>
      bubblewrapWith(ALL_DEFENCES, options).open({ language: 'python', limits: limitsOf(), tools: [], context: {} })
    await expect(open({ rootfs: ROOTFS, bwrap: '/nowhere/bwrap' })).rejects.toMatchObject({
      code: 'sandbox/unavailable',
      message: expect.stringContaining('apt-get install bubblewrap') as string,
    })
    await expect(open({ rootfs: '/nowhere' })).rejects.toMatchObject({
      code: 'sandbox/unavailable',
      message: expect.stringContaining('troupe sandbox build') as string,
    })
    const empty = join(tmpdir(), `troupe-sandbox-empty-${process.pid}`)
    mkdirSync(empty)
    await expect(open({ rootfs: empty })).rejects.toMatchObject({
      code: 'sandbox/unavailable',
      message: expect.stringContaining('python3') as string,
    })
    rmSync(empty, { recursive: true })
  })
})
