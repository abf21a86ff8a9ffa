import { describe, expect, it } from 'vitest'
import type { Entry } from '../client/entry.ts'
import type { JsonValue } from '../util/json.ts'
import { Inbox } from './inbox.ts'

const AT = '2026-01-02T03:04:05.678Z'
const signal = (seq: number, topic: string, value: JsonValue): Entry => ({
  run: 'r',
  seq,
  epoch: 0,
  at: AT,
  type: 'signal',
  body: { topic, value },
})
const given = (seq: number, key: string): Entry => ({
  run: 'r',
  seq,
  key,
  epoch: 0,
  at: AT,
  type: 'approval-given',
  body: { decision: 'approve', by: 'ann' },
})
const ended = (seq: number, key: string, from: number): Entry => ({
  run: 'r',
  seq,
  key,
  epoch: 1,
  at: AT,
  type: 'wait-end',
  body: { value: null, from },
})

/** For waits that nobody answers. */
function ignore(wait: Promise<unknown>): void {
  wait.catch(() => {})
}

/** A clock that stands until it is moved. */
function handClock(): {
  now(): number
  after(ms: number, callback: () => void): () => void
  move(ms: number): void
  readonly timers: number
} {
  let now = 1_000
  const timers = new Map<() => void, number>()
  return {
    now: () => now,
    after: (ms, callback) => {
      timers.set(callback, now + ms)
      return () => timers.delete(callback)
    },
    move: (ms) => {
      now += ms
      for (const [callback, at] of timers) {
        if (at > now) continue
        timers.delete(callback)
        callback()
      }
    },
    get timers() {
      return timers.size
    },
  }
}

describe('Inbox', () => {
  it('gives one signal to one wait, oldest to oldest', async () => {
    const inbox = new Inbox(handClock(), [signal(2, 'mail', 'a')])
    inbox.receive(signal(3, 'other', 'x'))
    inbox.receive(signal(4, 'mail', 'b'))
    expect(await inbox.answer('w1', { topic: 'mail' })).toEqual({ value: 'a', from: 2 })
    const waits = [inbox.answer('w2', { topic: 'mail' }), inbox.answer('w3', { topic: 'mail' })]
    expect(inbox.waiting).toBe(1)
    inbox.receive(signal(5, 'mail', 'c'))
    expect(await Promise.all(waits)).toEqual([
      { value: 'b', from: 4 },
      { value: 'c', from: 5 },
    ])
    expect(inbox.waiting).toBe(0)
  })

  it('does not give again what the log says was taken, or what comes twice', async () => {
    const inbox = new Inbox(handClock(), [signal(2, 'mail', 'taken'), ended(3, 'w1', 2), signal(4, 'mail', 'free')])
    inbox.receive(signal(2, 'mail', 'taken'))
    expect(await inbox.answer('w2', { topic: 'mail' })).toEqual({ value: 'free', from: 4 })
    inbox.receive(signal(4, 'mail', 'free'))
    ignore(inbox.answer('w3', { topic: 'mail' }))
    expect(inbox.waiting).toBe(1)
  })

  it('gives a decision to the wait of its key alone', async () => {
    const inbox = new Inbox(handClock(), [])
    const options = { approval: { reason: 'approval', question: '?' } } as const
    ignore(inbox.answer('1.1.approval', options))
    const second = inbox.answer('1.2.approval', options)
    inbox.receive(given(2, '1.2.approval'))
    expect(await second).toEqual({ value: { decision: 'approve' }, from: 2 })
    expect(inbox.waiting).toBe(1)
  })

  it('ends a wait when its time comes, at once when that is past, and not before', async () => {
    const clock = handClock()
    const inbox = new Inbox(clock, [])
    expect(await inbox.answer('past', { until: 999 })).toEqual({ value: null })
    // A clock may call back early: the longest timer of the host is 24 days.
    const eager = { now: clock.now, after: (ms: number, callback: () => void) => clock.after(Math.min(ms, 10), callback) }
    const early = new Inbox(eager, [])
    const wait = early.answer('w', { until: 1_025 })
    clock.move(10)
    clock.move(10)
    expect(early.waiting).toBe(1)
    clock.move(10)
    expect(await wait).toEqual({ value: null })
  })

  it('leaves no timer behind', async () => {
    const clock = handClock()
    const inbox = new Inbox(clock, [])
    const answered = inbox.answer('a', { topic: 'mail', until: 9_000 })
    for (const key of ['1.1', '1.2', 'b']) ignore(inbox.answer(key, { until: 9_000 }))
    expect(clock.timers).toBe(4)
    inbox.receive(signal(2, 'mail', 1))
    await answered
    expect(clock.timers).toBe(3)
    inbox.forget('1.')
    expect([clock.timers, inbox.waiting]).toEqual([1, 1])
    inbox.close()
    expect([clock.timers, inbox.waiting]).toEqual([0, 0])
  })
})
