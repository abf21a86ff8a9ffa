import { afterAll, describe, expect, it } from 'vitest'
import { encode } from '../../util/codec.ts'
import { limitsOf } from '../limits.ts'
import type { Frame, OpenOptions, SandboxSession, Snapshot } from '../sandbox.ts'
import { drive } from '../../testing/sandbox-conformance/drive.ts'
import { quickjs } from './quickjs.ts'

const options: OpenOptions = {
  language: 'typescript',
  limits: limitsOf({ fuel: 5_000 }),
  tools: [{ name: 'ask', parameters: ['n'], signature: 'ask(n: number)' }],
  context: { base: 40 },
}
const [first, second] = [quickjs({ snapshotAfterMs: 0, workers: 1 }), quickjs({ snapshotAfterMs: 0, workers: 1 })]
afterAll(async () => {
  for (const sandbox of [first, second]) await sandbox[Symbol.asyncDispose]()
})

const CODE = `class Point { constructor(public x: number) {} }
const point = new Point(2)
const seen: string[] = []
console.log('before')
const [a, b] = await Promise.all([ask(1), ask(2)].map((answer) => answer.then((value) => (seen.push(String(value)), value))))
seen.join() + ':' + (base + point.x) + ':' + a + b + ':' + Math.random() + ':' + Date.now()`

/** Answers calls one at each idle, until `stopAfter` were answered; gives the frames. */
async function answered(session: SandboxSession, frames: AsyncIterable<Frame>, stopAfter = Infinity): Promise<readonly Frame[]> {
  const seen: Frame[] = []
  const open: Extract<Frame, { type: 'call' }>[] = []
  let count = 0
  for await (const frame of frames) {
    seen.push(frame)
    if (frame.type === 'call') open.push(frame)
    if (frame.type !== 'idle') continue
    if (count++ === stopAfter) return seen
    const last = open.pop()
    if (last) session.reply(last.call, { ok: true, value: encode(last.call * 10) })
  }
  return seen
}

const begin = (session: SandboxSession, code = CODE): AsyncIterable<Frame> =>
  session.execute(code, { step: 1, signal: new AbortController().signal, clock: 5_000, seed: 3 })

/** A snapshot of a session that has been given `settled` answers, taken at its quiet point. */
async function keptAfter(settled: number, code = CODE): Promise<Snapshot> {
  await using session = await first.open(options)
  const frames = begin(session, code)[Symbol.asyncIterator]()
  const calls: number[] = []
  for (let idle = 0; ;) {
    const { value, done } = await frames.next()
    if (done || value.type === 'end') throw new Error(`it ended: ${JSON.stringify(value)}`) // plain error: the test's own
    if (value.type === 'call') calls.push(value.call)
    if (value.type !== 'idle') continue
    if (idle++ === settled) break
    const call = calls.pop() ?? 0
    session.reply(call, { ok: true, value: encode(call * 10) })
  }
  const snapshot = await session.snapshot()
  if (snapshot === null) throw new Error('no snapshot') // plain error: the test's own
  return snapshot
}

describe('a snapshot of a quickjs session', () => {
  it('goes on in another thread as the session itself would have', async () => {
    await using whole = await first.open(options)
    const expected = (await answered(whole, begin(whole))).at(-1)
    expect(expected).toMatchObject({
      type: 'end',
      execution: { type: 'value', preview: expect.stringMatching(/^20,10:42:1020:0\.\d+:5000$/) },
    })
    for (const settled of [0, 1]) {
      await using restored = await second.open({ ...options, snapshot: await keptAfter(settled) })
      const frames = await answered(restored, restored.resume())
      expect(frames.filter(({ type }) => type === 'call').length).toBe(2 - settled)
      expect(frames.some(({ type }) => type === 'print')).toBe(false)
      expect(frames.at(-1)).toEqual(expected)
    }
  })

  it('of a session between steps knows what they declared, and steps go on as they would have', async () => {
    await using session = await first.open(options)
    await drive(session, 'let count = 1; function twice(n: number) { return n * 2 }')
    const snapshot = await session.snapshot()
    await using restored = await second.open({ ...options, ...(snapshot && { snapshot }) })
    expect((await drive(restored, 'count = twice(count + base); count', { step: 2 })).value).toBe(82)
    expect((await drive(restored, 'throw new Error("here")\n', { step: 3 })).error).toMatchObject({ line: 1 })
    expect((await drive(restored, 'await ask(7)', { step: 4, tools: { ask: () => 'asked' } })).value).toBe('asked')
  })

  it('keeps the limits, the fuel that was spent, the stop of finalAnswer and the lines of the code', async () => {
    const loop = (turns: number): string => `for (let i = 0; i < ${turns}; i++) {}`
    const code = `${loop(1.5e7)}\nawait ask(1)\n${loop(1.5e7)}\nawait ask(2)\nthrow new Error('late')`
    await using restored = await second.open({ ...options, snapshot: await keptAfter(0, code) })
    expect((await answered(restored, restored.resume())).at(-1)).toMatchObject({
      execution: { type: 'error', error: { kind: 'timeout', line: 3 } },
      poisoned: false,
    })
    const short = `${loop(1e6)}\nawait ask(1)\nthrow new Error('late')`
    await using thrown = await second.open({ ...options, snapshot: await keptAfter(0, short) })
    expect((await answered(thrown, thrown.resume())).at(-1)).toMatchObject({ execution: { error: { message: 'late', line: 3 } } })
    const final = `await ask(1)\ntry { finalAnswer('done') } finally { finalAnswer('again') }`
    await using ended = await second.open({ ...options, snapshot: await keptAfter(0, final) })
    expect((await answered(ended, ended.resume())).at(-1)).toMatchObject({ execution: { type: 'final-answer', value: encode('done') } })
    const hoard = 'const all: string[] = []\nawait ask(1)\nfor (;;) all.push("x".repeat(1e6) + all.length)'
    await using full = await second.open({ ...options, snapshot: await keptAfter(0, hoard) })
    expect((await answered(full, full.resume())).at(-1)).toMatchObject({ execution: { error: { kind: 'memory' } } })
  })

  it('of a restored session is as good', async () => {
    await using restored = await second.open({ ...options, snapshot: await keptAfter(0) })
    const frames = restored.resume()[Symbol.asyncIterator]()
    for (let frame = await frames.next(); !frame.done && frame.value.type !== 'idle';) frame = await frames.next()
    const again = await restored.snapshot()
    await using last = await first.open({ ...options, ...(again && { snapshot: again }) })
    expect((await answered(last, last.resume())).at(-1)).toMatchObject({ execution: { preview: expect.stringMatching(/^20,10:42:1020/) } })
  })

  const DIFFERENT: readonly (readonly [string, Partial<OpenOptions>])[] = [
    ['limits', { limits: limitsOf({ fuel: 5_001 }) }],
    ['tools', { tools: [] }],
    ['values', { context: { base: 41 } }],
  ]
  for (const [what, other] of DIFFERENT)
    it(`is refused where the ${what} differ`, async () => {
      const snapshot = await keptAfter(0)
      await expect(second.open({ ...options, ...other, snapshot })).rejects.toMatchObject({ code: 'sandbox/snapshot-refused' })
    })

  it('is refused when it is of another version or machine, or damaged; the thread lives on', async () => {
    const { key, blob } = await keptAfter(0)
    const zeros = blob.slice().fill(0, blob.length >> 1)
    for (const snapshot of [
      { key: `${key.slice(1)}0`, blob },
      { key, blob: blob.subarray(0, blob.length >> 1) },
      { key, blob: blob.subarray(0, 3) },
      { key, blob: new Uint8Array() },
      { key, blob: zeros },
    ])
      await expect(second.open({ ...options, snapshot })).rejects.toMatchObject({ code: 'sandbox/snapshot-refused' })
    await using session = await second.open(options)
    expect((await drive(session, '1 + 1')).value).toBe(2)
  })

  it('is not taken where too little CPU time has gone into the code, nor while a turn runs, nor of an empty or a closed session', async () => {
    await using sandbox = quickjs({ workers: 1, snapshotAfterMs: 50 })
    await using session = await sandbox.open(options)
    expect(await session.snapshot()).toBe(null)
    await drive(session, '1')
    expect(await session.snapshot()).toBe(null)
    await drive(session, 'for (let i = 0; i < 2e7; i++) {}', { step: 2 })
    expect(await session.snapshot()).not.toBe(null)
    expect(await session.snapshot(), 'nothing was done since the last').toBe(null)
    const frames = begin(session)[Symbol.asyncIterator]()
    expect(await session.snapshot()).toBe(null)
    await frames.return?.()
    expect(await session.snapshot()).toBe(null)
  })
})
