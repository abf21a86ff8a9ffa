import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import type { JsonObject } from '../../util/json.ts'
import { drive } from '../../testing/sandbox-conformance/drive.ts'
import { limitsOf, type Limits } from '../limits.ts'
import type { SandboxSession } from '../sandbox.ts'
import { Pool } from './pool.ts'
import { ALL_DEFENCES } from './protocol.ts'
import { quickjs, type QuickJsOptions, type QuickJsSandbox } from './quickjs.ts'
import { workerOptions } from './thread.ts'

const NATIVE = "'a'.repeat(1e6).indexOf('a'.repeat(5e5) + 'b')"
const opened: QuickJsSandbox[] = []

function make(options: QuickJsOptions): (limits?: Partial<Limits>, context?: JsonObject) => Promise<SandboxSession> {
  const sandbox = quickjs(options)
  opened.push(sandbox)
  return (limits, context = {}) =>
    sandbox.open({
      language: 'typescript',
      limits: limitsOf(limits),
      tools: [{ name: 'echo', parameters: ['value'], signature: 'echo(value)' }],
      context,
    })
}

afterEach(async () => {
  for (const sandbox of opened.splice(0)) await sandbox[Symbol.asyncDispose]()
})

describe('threads of the quickjs sandbox', () => {
  it('ends a thread whose native call does not end, tells the neighbours, and heals', async () => {
    const open = make({ workers: 1 })
    const [hog, neighbour] = [await open({ timeoutMs: 150 }), await open()]
    await drive(neighbour, 'const mine = 1')
    const { error, end } = await drive(hog, `void echo({}); await echo({}); ${NATIVE}`, { next: 'all' })
    expect(error).toMatchObject({ kind: 'timeout' })
    expect(end.poisoned).toBe(true)
    await expect(drive(hog, '1')).rejects.toMatchObject({ code: 'sandbox/closed' })
    await expect(drive(neighbour, 'mine')).rejects.toMatchObject({ code: 'sandbox/closed', retryable: true })
    expect((await drive(await open(), '1 + 1')).value).toBe(2)
  })

  it('wakes a neighbour that waits for an answer', async () => {
    const open = make({ workers: 1 })
    const [hog, neighbour] = [await open({ timeoutMs: 150 }), await open()]
    const waits = (async () => {
      for await (const frame of neighbour.execute('await echo({})', { step: 1, signal: new AbortController().signal, clock: 0, seed: 0 }))
        if (frame.type === 'end') return 'ended'
      return 'left'
    })()
    const woken = waits.catch((error: unknown) => error)
    await drive(hog, NATIVE)
    expect(await woken).toMatchObject({ code: 'sandbox/closed' })
  })

  it('keeps `end` back until the calls that were open at a hard stop are answered', async () => {
    const open = make({ workers: 1 })
    const { shape, end } = await drive(await open({ fuel: 100 }), 'void echo({}); void echo({}); await null; for (;;);')
    expect(shape).toEqual(['call', 'call', 'returned', 'idle', 'idle', 'end'])
    expect(end.poisoned).toBe(false)
  })

  it('starts a step in a thread that is free', async () => {
    const open = make({ workers: 2 })
    const [hog, other] = [await open({ fuel: 8_000 }), await open()]
    const [slow, fast] = [drive(hog, 'for (;;);'), drive(other, '1')]
    expect(await Promise.race([slow.then(() => 'slow'), fast.then(() => 'fast')])).toBe('fast')
    await slow
  })

  it('ends every session when it is disposed of, and opens none after that', async () => {
    const open = make({})
    const session = await open()
    await drive(session, '1')
    await opened.splice(0)[0]?.[Symbol.asyncDispose]()
    await expect(drive(session, '1')).rejects.toMatchObject({ code: 'sandbox/closed' })
    await expect(open()).rejects.toMatchObject({ code: 'sandbox/closed' })
  })

  it('says what is missing when the worker or the interpreter cannot be loaded', async () => {
    await expect(make({ workerUrl: new URL('file:///nowhere/worker.js') })()).rejects.toMatchObject({
      code: 'sandbox/unavailable',
      message: expect.stringContaining('workerUrl') as string,
    })
    await expect(make({ wasmUrl: new URL('file:///nowhere/quickjs.wasm') })()).rejects.toMatchObject({
      code: 'sandbox/unavailable',
      message: expect.stringContaining('wasmUrl') as string,
    })
  })

  it('survives code that breaks the type stripper of its thread', async () => {
    const open = make({ workers: 1 })
    const [breaker, neighbour] = [await open(), await open()]
    await drive(neighbour, '1')
    const { error, end } = await drive(breaker, `let a: ${'Array<'.repeat(3_000)}1${'>'.repeat(3_000)} = 1`)
    expect(error).toMatchObject({ kind: 'syntax' })
    expect(end.poisoned).toBe(true)
    await expect(drive(neighbour, '1')).rejects.toMatchObject({ code: 'sandbox/closed' })
    expect((await drive(await open(), 'const a: number = 1; a')).value).toBe(1)
  })

  it('ends the first step where the memory is too small for anything', async () => {
    const open = make({ workers: 1 })
    const [neighbour, tiny] = [await open(), await open({ memoryMb: 0.2 }, { text: 'x'.repeat(300_000) })]
    await drive(neighbour, 'const mine = 1')
    const { error, end } = await drive(tiny, '1')
    expect(error).toMatchObject({ kind: 'memory' })
    expect(end.poisoned).toBe(true)
    expect((await drive(neighbour, 'mine')).value).toBe(1)
  })

  it('gives a thread nothing of the host', () => {
    const { env, stdout, stderr, execArgv } = workerOptions({
      wasm: new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])),
      defences: ALL_DEFENCES,
      bell: new Int32Array(new SharedArrayBuffer(4)),
    })
    expect({ env, stdout, stderr, execArgv }).toEqual({ env: {}, stdout: true, stderr: true, execArgv: ['--no-warnings'] })
  })

  it('ends a thread that sleeps until the next answer, and hears one that comes after it has stopped to', async () => {
    const open = make({ workers: 1 })
    const frames = async (session: SandboxSession, waitMs: number): Promise<string> => {
      let seen = ''
      for await (const frame of session.execute('await echo({ n: 1 }); await echo({ n: 2 })', {
        step: 1,
        signal: new AbortController().signal,
        clock: 0,
        seed: 0,
      })) {
        seen += `${frame.type} `
        if (frame.type !== 'call') continue
        // Asleep, the thread has nobody who runs: the backstop does not end it.
        setTimeout(() => session.reply(frame.call, { ok: true, value: 'null' }), waitMs)
      }
      return seen
    }
    for (const waitMs of [1, 15, 25, 400]) expect(await frames(await open(), waitMs)).toBe('call idle call idle end ')
    const session = await open()
    const left = frames(session, 10_000).catch((error: unknown) => error)
    await drive(await open(), '1')
    await opened.splice(0)[0]?.[Symbol.asyncDispose]()
    expect(await left).toMatchObject({ code: 'sandbox/closed' })
  })

  it('tells what a short turn came to before a long one that follows at once has ended', async () => {
    const session = await make({ workers: 1 })()
    const code = `const long = () => { for (let i = 0; i < 1e7; i++); }
      await Promise.all([echo({ n: 1 }).then(() => echo({ n: 3 })), echo({ n: 2 }).then(long)])`
    const answer = (call: number): void => session.reply(call, { ok: true, value: 'null' })
    const types: string[] = []
    let turnsOfTheLoop = 0
    let between = 0
    for await (const frame of session.execute(code, { step: 1, signal: new AbortController().signal, clock: 0, seed: 0 })) {
      types.push(frame.type)
      if (frame.type === 'call' && frame.call === 2) for (const call of [1, 2]) answer(call)
      if (frame.type === 'call' && frame.call === 3) {
        const count = (): void => {
          turnsOfTheLoop++
          if (types.length < 6) setTimeout(count, 1)
        }
        count()
      }
      if (frame.type === 'idle' && types.length === 6) {
        between = turnsOfTheLoop
        answer(3)
      }
    }
    expect(types).toEqual(['call', 'call', 'idle', 'call', 'idle', 'idle', 'end'])
    expect(between).toBeGreaterThan(2)
  })

  it('refuses to start after it was closed', async () => {
    const pool = new Pool({ workers: 1, workerUrl: new URL('file:///unused'), wasmUrl: undefined, defences: ALL_DEFENCES })
    await pool[Symbol.asyncDispose]()
    await expect(pool.start()).rejects.toMatchObject({ code: 'sandbox/closed' })
  })

  it('lets the process exit with idle sessions, and prints no warning', async () => {
    const program = `
      import { quickjs } from ${JSON.stringify(new URL('./quickjs.ts', import.meta.url).href)}
      import { DEFAULT_LIMITS } from ${JSON.stringify(new URL('../limits.ts', import.meta.url).href)}
      const session = await quickjs().open({ language: 'typescript', limits: DEFAULT_LIMITS, tools: [], context: {} })
      for await (const frame of session.execute('enum A { X = 3 }; A.X', { step: 1, signal: new AbortController().signal, clock: 0, seed: 0 })) console.log(frame.execution.preview)`
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
      timeout: 15_000,
      env: { PATH: process.env.PATH },
    })
    expect({ stdout, stderr }).toEqual({ stdout: '3\n', stderr: '' })
  })
})
