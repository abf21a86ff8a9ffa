import { describe, expect, it } from 'vitest'
import type { AnswerBody } from '../client/entry.ts'
import type { ActionLog, CallRecord, Settled } from '../engine/context.ts'
import type { Answer, Frame, SandboxSession } from '../sandbox/sandbox.ts'
import { ActionReplay, Divergence, type PendingCall } from './replay.ts'

const effectContext = { idempotencyKey: '', signal: new AbortController().signal, isWatched: false, live: () => {} }
const ok = (value: string): AnswerBody => ({ ok: true, value })
const frame = (call: number, args: string = '{}') => ({ type: 'call', call, tool: 'read', args }) as const
const record = (call: number, order: number | null, value: string): CallRecord => ({
  call,
  tool: 'read',
  args: '{}',
  started: true,
  repeats: 0,
  order,
  answer: order === null ? null : ok(value),
})

/** A log, a session and calls that do nothing but note what they are told, in order. */
function setUp(recorded: readonly CallRecord[] = [], ended: ActionLog['ended'] = null) {
  const notes: string[] = []
  const open = new Map<number, PromiseWithResolvers<AnswerBody>>()
  const log: ActionLog = {
    clock: 0,
    seed: 0,
    recorded,
    ended,
    started: async () => {},
    settled: async (answers: readonly Settled[]) => void notes.push(`logged ${answers.map(({ call }) => call).join('+')}`),
    dispatch: (_, effect) => effect(effectContext),
    again: async () => {},
    close: () => {},
    end: async () => {},
    quiet: () => {},
  }
  const session: SandboxSession = {
    execute: async function* () {},
    resume: async function* () {},
    reply: (call: number, answer: Answer) => void notes.push(`replied ${call} ${answer.ok ? answer.value : answer.error.name}`),
    snapshot: async () => null,
    [Symbol.asyncDispose]: async () => {},
  }
  const start = async (frames: readonly Extract<Frame, { type: 'call' }>[]): Promise<readonly PendingCall[]> => {
    notes.push(`started ${frames.map(({ call }) => call).join('+')}`)
    return frames.map(({ call, tool }) => {
      const answer = Promise.withResolvers<AnswerBody>()
      open.set(call, answer)
      return { call, tool, agent: false, outcome: answer.promise.then((given) => ({ answer: given, durationMs: 1 })) }
    })
  }
  return { notes, open, replay: new ActionReplay(log, session, start) }
}

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5))

describe('ActionReplay', () => {
  it('starts the calls of a turn together when the guest is quiet, and replies when the answer is in the log', async () => {
    const { notes, open, replay } = setUp()
    replay.call(frame(1))
    replay.call(frame(2))
    expect(notes).toEqual([])
    replay.idle()
    await settled()
    open.get(2)?.resolve(ok('b'))
    await settled()
    open.get(1)?.resolve(ok('a'))
    await settled()
    expect(notes).toEqual(['started 1+2', 'logged 2', 'replied 2 b', 'logged 1', 'replied 1 a'])
  })

  it('logs in one append what is ready together', async () => {
    const { notes, open, replay } = setUp()
    for (const call of [1, 2, 3]) replay.call(frame(call))
    replay.idle()
    await settled()
    open.get(3)?.resolve(ok('c'))
    open.get(1)?.resolve(ok('a'))
    open.get(2)?.resolve(ok('b'))
    await settled()
    expect(notes.filter((note) => note.startsWith('logged'))).toEqual(['logged 3', 'logged 1+2'])
  })

  it('gives recorded answers in the order in which the guest got them, and starts nothing', async () => {
    const { notes, replay } = setUp([record(1, 2, 'a'), record(2, 1, 'b')])
    replay.call(frame(1))
    replay.call(frame(2))
    replay.idle()
    await settled()
    expect(notes).toEqual(['replied 2 b', 'replied 1 a'])
    replay.end()
  })

  it('starts what has no answer in the log only after all recorded answers are out', async () => {
    const { notes, open, replay } = setUp([record(1, 1, 'a'), record(2, null, '')])
    replay.call(frame(1))
    replay.call(frame(2))
    replay.idle()
    await settled()
    expect(notes).toEqual(['replied 1 a', 'started 2'])
    open.get(2)?.resolve(ok('b'))
    await settled()
    expect(notes.slice(2)).toEqual(['logged 2', 'replied 2 b'])
  })

  it.each([
    ['another call in the place of one', [record(1, 1, 'a')], (replay: ActionReplay) => replay.call(frame(1, '{"n":1}'))],
    ['a new call before recorded ones', [record(2, 1, 'a')], (replay: ActionReplay) => replay.call(frame(1))],
    ['an end before the log’s', [record(1, 1, 'a')], (replay: ActionReplay) => replay.end()],
  ])('tells of %s', (_, recorded, act) => {
    const { replay } = setUp(recorded)
    expect(() => act(replay)).toThrow(Divergence)
  })

  it('tells of a new call in an action that has ended', () => {
    const { replay } = setUp([], { step: 1, execution: null, prints: '', fuel: 0, poisoned: false, isolation: 'interpreter' })
    expect(() => replay.call(frame(1))).toThrow(Divergence)
  })

  it('tells of a recorded call that is not made when the guest is quiet', async () => {
    const { replay } = setUp([record(1, 1, 'a')])
    const frames = replay.frames(
      (async function* (): AsyncGenerator<Frame> {
        await settled()
        yield { type: 'idle' }
      })(),
    )
    replay.idle()
    await expect(frames.next()).rejects.toThrow(Divergence)
  })

  it('ends the frames with the fault of a call that could not be made, and does not wait for it', async () => {
    const { open, replay } = setUp()
    replay.call(frame(1))
    replay.idle()
    await settled()
    const frames = replay.frames(
      (async function* (): AsyncGenerator<Frame> {
        await new Promise(() => {})
        yield { type: 'idle' }
      })(),
    )
    open.get(1)?.reject(new Error('the store is gone'))
    await expect(frames.next()).rejects.toThrow('the store is gone')
    await replay.drain(new AbortController().signal, 1_000)
  })

  it('gives up calls that the code has not waited for, a second after it has settled', async () => {
    const { notes, replay } = setUp()
    replay.call(frame(1))
    replay.idle()
    replay.returned()
    await settled()
    expect(notes).toEqual(['started 1'])
    await new Promise((resolve) => setTimeout(resolve, 1_050))
    expect(notes).toEqual(['started 1', 'logged 1', 'replied 1 CancelledError'])
  })
})
