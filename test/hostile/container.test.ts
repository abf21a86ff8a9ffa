import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { createServer as createHttpProxy, connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Docker from 'dockerode'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { containerWith } from '../../src/sandbox/container/create.ts'
import { sweepContainers } from '../../src/sandbox/container/daemon.ts'
import { ALL_DEFENCES, type Defences } from '../../src/sandbox/container/defences.ts'
import { limitsOf } from '../../src/sandbox/limits.ts'
import { DOCKER_SOCKET, IMAGE, itNeeds, noDocker } from '../services.ts'
import { attack, type Attack, describeSeen, run, type Seen, WIRE_ATTACKS } from './process-attacks.ts'
import { MAX_GAP_MS } from '../../src/testing/sandbox-conformance/awake.ts'

const it = itNeeds(noDocker)
const docker = new Docker({ socketPath: DOCKER_SOCKET })
let server: Server
let port = 0

const status = (field: string): string => `[line for line in open('/proc/self/status') if line.startswith('${field}:')][0].split()[1]`

const ATTACKS: () => readonly Attack<keyof Defences>[] = () => [
  ...WIRE_ATTACKS,
  {
    name: 'a service of the host',
    defence: 'network',
    code: `import socket\nsocket.create_connection(('127.0.0.1', ${port}), 1).recv(6).decode()`,
    isContained: ({ outcome }) => outcome === 'error',
  },
  {
    name: 'a file in the root',
    defence: 'readOnly',
    without: ['nobody', 'noCapabilities'],
    code: "open('/usr/local/planted', 'w').write('x')",
    isContained: ({ outcome }) => outcome === 'error',
  },
  { name: 'rights of root', defence: 'nobody', code: 'import os\nos.getuid()', isContained: ({ value }) => value === 65_534 },
  {
    name: 'capabilities',
    defence: 'noCapabilities',
    without: ['nobody'],
    code: status('CapEff'),
    isContained: ({ value }) => value === '0000000000000000',
  },
  { name: 'new rights by a program', defence: 'noNewPrivileges', code: status('NoNewPrivs'), isContained: ({ value }) => value === '1' },
  {
    name: 'a full disk',
    defence: 'disk',
    limits: { diskMb: 4, memoryMb: 256 },
    code: "open('/tmp/x', 'wb').write(b'x' * (32 << 20))",
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

/** What has no switch of ours: Docker and the kernel see to it, in every runtime. */
const OUTSIDE: readonly { name: string; code: string; isContained: (seen: Seen) => boolean }[] = [
  {
    name: 'the socket of the daemon',
    code: `import os\n[os.path.exists(path) for path in ('/var/run/docker.sock', ${JSON.stringify(DOCKER_SOCKET)})]`,
    isContained: ({ value }) => JSON.stringify(value) === '[false,false]',
  },
  {
    name: 'a mount',
    code: "import ctypes, os\nctypes.CDLL(None).mount(b'none', b'/mnt', b'tmpfs', 0, None)",
    isContained: ({ value }) => value === -1,
  },
  { name: 'the memory of the machine', code: "open('/dev/mem', 'rb')", isContained: ({ outcome }) => outcome === 'error' },
  {
    name: 'a restart of the machine',
    code: "open('/proc/sysrq-trigger', 'w').write('b')",
    isContained: ({ outcome }) => outcome === 'error',
  },
  {
    name: 'a BPF program',
    code: `import ctypes\nctypes.CDLL(None).syscall(${process.arch === 'arm64' ? 280 : 321}, 0, 0, 0)`,
    isContained: ({ value }) => value === -1,
  },
]

const off = (names: readonly (keyof Defences)[]): Defences => ({
  ...ALL_DEFENCES,
  ...Object.fromEntries(names.map((name) => [name, false])),
})

async function tryAttack(
  defences: Defences,
  tried: Omit<Attack<string>, 'defence' | 'without' | 'isContained'>,
  runtime: 'runc' | 'runsc' = 'runc',
): Promise<Seen> {
  await using sandbox = containerWith(defences, { image: IMAGE, socketPath: DOCKER_SOCKET, runtime, warm: 0 })
  return await attack(sandbox, tried)
}

async function ours(): Promise<readonly string[]> {
  return (await docker.listContainers({ all: true, filters: { label: ['dev.troupe.sandbox'] } }))
    .filter(({ Labels }) => Labels['dev.troupe.owner']?.startsWith(`${process.pid}-`))
    .map(({ Id }) => Id)
}

/** Waits until `isTrue`, at most 5 s: the daemon removes containers on its own time. */
async function until(isTrue: () => Promise<boolean>): Promise<boolean> {
  for (let tries = 0; tries < 50; tries++) {
    if (await isTrue()) return true
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return false
}

beforeAll(async () => {
  server = createServer((socket) => socket.end('secret'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  port = (server.address() as { port: number }).port
})
afterAll(() => server.close())

describe('attacks on the container sandbox', () => {
  for (const { name, without = [] } of ATTACKS()) {
    it(`contains ${name}`, async () => {
      const tried = ATTACKS().find((one) => one.name === name) as Attack<keyof Defences>
      const seen = await tryAttack(off(without), tried)
      expect(tried.isContained(seen), describeSeen(seen)).toBe(true)
      expect(seen.gapMs, describeSeen(seen)).toBeLessThan(MAX_GAP_MS)
    })
  }
  for (const runtime of ['runc', 'runsc'] as const) {
    for (const tried of OUTSIDE) {
      it(`contains ${tried.name} (${runtime})`, async () => {
        const seen = await tryAttack(ALL_DEFENCES, tried, runtime)
        expect(tried.isContained(seen), describeSeen(seen)).toBe(true)
        expect(seen.gapMs, describeSeen(seen)).toBeLessThan(MAX_GAP_MS)
      })
    }
  }
})

describe('attacks on the gvisor sandbox', () => {
  const some = [
    'a forged call of a tool that there is not',
    'forged calls beyond the limit',
    'an endless loop that catches everything',
    'bytes on the standard output past the prints',
    'a service of the host',
    'a full disk',
    'memory without end',
    'packages that nobody allowed',
  ]
  for (const name of some) {
    it(`contains ${name}`, async () => {
      const tried = ATTACKS().find((one) => one.name === name) as Attack<keyof Defences>
      const seen = await tryAttack(ALL_DEFENCES, tried, 'runsc')
      expect(tried.isContained(seen), describeSeen(seen)).toBe(true)
      expect(seen.gapMs, describeSeen(seen)).toBeLessThan(MAX_GAP_MS)
    })
  }

  it('runs on a kernel of its own', async () => {
    const seen = await tryAttack(ALL_DEFENCES, { name: '', code: "open('/proc/version').read()" }, 'runsc')
    expect(String(seen.value)).not.toContain(process.getBuiltinModule('node:os').release())
  })

  it('leaves nothing of a fork bomb', async () => {
    await tryAttack(
      ALL_DEFENCES,
      {
        name: '',
        limits: { timeoutMs: 1_500, processes: 16 },
        code: 'import os\nwhile True:\n    try: os.fork()\n    except OSError: pass',
      },
      'runsc',
    )
    expect(await until(async () => (await ours()).length === 0)).toBe(true)
  })
})

describe('every defence of the container sandbox is needed', () => {
  for (const name of Object.keys(ALL_DEFENCES) as (keyof Defences)[]) {
    it(`without ${name} an attack gets through`, async () => {
      const first = ATTACKS().find(({ defence }) => defence === name)
      if (first === undefined) throw new Error(`no attack needs ${name}`)
      const seen = await tryAttack(off([name, ...(first.without ?? [])]), first)
      expect(first.isContained(seen), describeSeen(seen)).toBe(false)
    })
  }
})

describe('a container that dies', () => {
  const sandbox = containerWith(ALL_DEFENCES, { image: IMAGE, socketPath: DOCKER_SOCKET, warm: 0 })
  afterAll(() => sandbox[Symbol.asyncDispose]())
  const open = () => sandbox.open({ language: 'python', limits: limitsOf({ memoryMb: 64, timeoutMs: 5_000 }), tools: [], context: {} })

  for (const [how, code] of [
    ['exits', 'import os\nos._exit(3)'],
    ['crashes', 'import ctypes\nctypes.string_at(0)'],
  ] as const) {
    it(`because its code ${how} ends the step as a crash`, async () => {
      await using session = await open()
      const seen = await run(session, code)
      expect(seen, describeSeen(seen)).toMatchObject({ outcome: 'crash', poisoned: true })
    })
  }

  it('because it was killed from outside closes the session, and the next one is well', async () => {
    await using session = await open()
    const running = run(session, 'import time\ntime.sleep(20)', '1', 10_000)
    await new Promise((resolve) => setTimeout(resolve, 200))
    for (const id of await ours()) await docker.getContainer(id).kill()
    expect((await running).outcome).toBe('sandbox/closed')
    await using next = await open()
    expect((await run(next, '3 + 4')).value).toBe(7)
  })
})

describe('a daemon', () => {
  it('that goes away closes the session, and one that comes back is used again', async () => {
    const path = join(tmpdir(), `troupe-proxy-${process.pid}.sock`)
    const between = () =>
      createHttpProxy((socket) => {
        const real = connect(DOCKER_SOCKET)
        sockets.add(socket)
        socket.pipe(real).pipe(socket)
        for (const end of [socket, real]) end.on('error', () => {})
      })
    const sockets = new Set<Socket>()
    let proxy = between().listen(path)
    await once(proxy, 'listening')
    await using sandbox = containerWith(ALL_DEFENCES, { image: IMAGE, socketPath: path, warm: 0 })
    const open = () => sandbox.open({ language: 'python', limits: limitsOf(), tools: [], context: {} })
    const session = await open()
    const running = run(session, 'import time\ntime.sleep(20)', '1', 10_000)
    await new Promise((resolve) => setTimeout(resolve, 200))
    proxy.close()
    for (const socket of sockets) socket.destroy()
    expect((await running).outcome).toBe('sandbox/closed')
    await session[Symbol.asyncDispose]()
    await expect(open()).rejects.toMatchObject({ code: 'sandbox/unavailable' })
    rmSync(path, { force: true })
    proxy = between().listen(path)
    await once(proxy, 'listening')
    const next = await open()
    expect((await run(next, '3 + 4')).value).toBe(7)
    await next[Symbol.asyncDispose]()
    await sandbox[Symbol.asyncDispose]()
    for (const socket of sockets) socket.destroy()
    proxy.close()
    // The one whose daemon went away is the sweep's: it belongs to a host that lives, so here by hand.
    for (const id of await ours())
      await docker
        .getContainer(id)
        .remove({ force: true })
        .catch(() => {})
  })

  it('says what is missing: the daemon, the runtime’s image', async () => {
    const open = (options: Partial<Parameters<typeof containerWith>[1]>) =>
      containerWith(ALL_DEFENCES, { image: IMAGE, socketPath: DOCKER_SOCKET, ...options }).open({
        language: 'python',
        limits: limitsOf(),
        tools: [],
        context: {},
      })
    await expect(open({ socketPath: '/nowhere.sock' })).rejects.toMatchObject({
      code: 'sandbox/unavailable',
      message: expect.stringContaining('/nowhere.sock') as string,
    })
    await expect(open({ image: 'troupe/none:0' })).rejects.toMatchObject({
      code: 'sandbox/unavailable',
      message: expect.stringContaining('no image troupe/none:0') as string,
    })
  })
})

describe('what a container sandbox leaves behind', () => {
  it('is nothing, whatever happened in its sessions', async () => {
    const sandbox = containerWith(ALL_DEFENCES, { image: IMAGE, socketPath: DOCKER_SOCKET, warm: 1 })
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
          limits: limitsOf({ memoryMb: 32, timeoutMs: 500 }),
          tools: [],
          context: {},
        })
        await run(session, code)
        await session[Symbol.asyncDispose]()
      }),
    )
    expect((await ours()).length).toBeGreaterThan(0) // the warm one
    await sandbox[Symbol.asyncDispose]()
    expect(await until(async () => (await ours()).length === 0)).toBe(true)
  })

  it('is nothing when the host exits, and a sweep removes what a killed host left', async () => {
    const program = `
      import { container } from ${JSON.stringify(new URL('../../src/sandbox/container/container.ts', import.meta.url).href)}
      import { limitsOf } from ${JSON.stringify(new URL('../../src/sandbox/limits.ts', import.meta.url).href)}
      const sandbox = container({ image: ${JSON.stringify(IMAGE)}, socketPath: ${JSON.stringify(DOCKER_SOCKET)} })
      const session = await sandbox.open({ language: 'python', limits: limitsOf({ timeoutMs: 60_000 }), tools: [], context: {} })
      console.log('open')
      if (process.argv[1] === 'kill') for await (const frame of session.execute('while True: pass', { step: 1, signal: new AbortController().signal, clock: 0, seed: 0 }));`
    const of = async (pid: number | undefined) =>
      (await docker.listContainers({ all: true, filters: { label: ['dev.troupe.sandbox'] } })).filter(({ Labels }) =>
        Labels['dev.troupe.owner']?.startsWith(`${pid}-`),
      )
    for (const how of ['exit', 'kill']) {
      const host = spawn(process.execPath, ['--input-type=module', '-e', program, how], { stdio: ['ignore', 'pipe', 'inherit'] })
      const exited = once(host, 'exit')
      await once(host.stdout, 'data')
      if (how === 'kill') {
        await new Promise((resolve) => setTimeout(resolve, 300))
        host.kill('SIGKILL')
      }
      await exited
      if (how === 'kill') {
        expect((await of(host.pid)).length).toBeGreaterThan(0)
        await sweepContainers(docker)
      }
      expect(await until(async () => (await of(host.pid)).length === 0), how).toBe(true)
    }
  }, 40_000)
})
