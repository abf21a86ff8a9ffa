import { describe, expect, it } from 'vitest'
import type { QueueLimits } from './queue.ts'
import { ReadyQueue, type QueueRow } from './ready-queue.ts'

let revision = 0
function row(run: string, fields: Partial<QueueRow> = {}): QueueRow {
  revision++
  return {
    run,
    agent: 'a',
    tenant: '',
    model: '',
    priority: 100,
    notBefore: null,
    expiresAt: null,
    dedupKey: null,
    maxAttempts: 5,
    isChild: false,
    status: 'queued',
    attempts: 0,
    lastError: null,
    ordinal: revision,
    revision,
    ...fields,
  }
}

function queueOf(rows: readonly QueueRow[], limits: QueueLimits = {}): ReadyQueue {
  const queue = new ReadyQueue(limits, ['a', 'b'])
  for (const one of rows) queue.put(one)
  return queue
}

/** Takes what has its turn at `now`, without ending any of it. */
function takeAll(queue: ReadyQueue, now = 0): string[] {
  const runs: string[] = []
  for (let next = queue.next(now); 'run' in next; next = queue.next(now)) runs.push(next.run)
  return runs
}

describe('whose turn it is', () => {
  it('goes by priority, then by who came first', () => {
    expect(
      takeAll(queueOf([row('c', { priority: 2 }), row('a', { priority: 1 }), row('d', { priority: 2 }), row('b', { priority: 1 })])),
    ).toEqual(['a', 'b', 'c', 'd'])
  })

  it('goes to the tenant with the fewest running, then to the one whose turn is longest ago', () => {
    const many = Array.from({ length: 5 }, (_, i) => row(`a${i}`, { tenant: 'a' }))
    const queue = queueOf([...many, row('b0', { tenant: 'b' }), row('c0', { tenant: 'c' }), row('b1', { tenant: 'b' })])
    expect(takeAll(queue)).toEqual(['a0', 'b0', 'c0', 'a1', 'b1', 'a2', 'a3', 'a4'])
  })

  it('passes over what a cap holds back, until one of it ends', () => {
    const rows = [row('x', { agent: 'b' }), row('y', { agent: 'b' }), row('z')]
    const queue = queueOf(rows, { agents: { b: { concurrency: 1 } } })
    expect(takeAll(queue)).toEqual(['x', 'z'])
    queue.put({ ...rows[0]!, status: 'gone', revision: ++revision })
    expect(takeAll(queue)).toEqual(['y'])
  })

  it('keeps to rates of tenants, agents and models, and says when the next may start', () => {
    const rate = { limit: 1, periodMs: 100 }
    for (const limits of [{ tenant: { rate } }, { agents: { a: { rate } } }, { models: { m: { rate } } }]) {
      const queue = queueOf([row('x', { model: 'm' }), row('y', { model: 'm' })], limits)
      expect(takeAll(queue, 1_000)).toEqual(['x'])
      expect(queue.next(1_050)).toEqual({ at: 1_100 })
      expect(takeAll(queue, 1_100)).toEqual(['y'])
    }
  })

  it('comes in time for what is delayed or sleeps, be it parked', () => {
    const queue = queueOf([
      row('late', { notBefore: 50 }),
      row('sleeper', { status: 'parked', notBefore: 20 }),
      row('waits', { status: 'parked' }),
    ])
    expect(queue.next(0)).toEqual({ at: 20 })
    expect(takeAll(queue, 20)).toEqual(['sleeper'])
    expect(takeAll(queue, 50)).toEqual(['late'])
    expect(queue.next(1_000_000)).toEqual({ at: null })
  })

  it('is lost by what has expired without a start, told once, and by nothing that has started', () => {
    const started = row('started', { expiresAt: 10, attempts: 1 })
    const queue = queueOf([row('a', { expiresAt: 10 }), row('b', { expiresAt: 30 }), started])
    expect(queue.expired(9)).toEqual([])
    expect(queue.expired(10)).toEqual(['a'])
    expect(queue.expired(10)).toEqual([])
  })

  it('follows the newest revision of an item, whatever comes in which order', () => {
    const old = row('x')
    const gone: QueueRow = { ...old, status: 'gone', revision: ++revision }
    expect(takeAll(queueOf([gone, old]))).toEqual(['x']) // Nothing was known of it when its end came: the store takes it, or says that it is gone.
    expect(takeAll(queueOf([old, gone]))).toEqual([])
    const parked: QueueRow = { ...old, status: 'parked', revision: ++revision }
    expect(takeAll(queueOf([parked, old]))).toEqual([])
  })

  it("is not for agents of other workers, and counts a tenant's running runs that were taken before", () => {
    expect(takeAll(queueOf([row('x', { agent: 'other' })]))).toEqual([])
    const queue = queueOf([row('r', { tenant: 't', status: 'running' }), row('x', { tenant: 't' })], { tenant: { concurrency: 1 } })
    expect(takeAll(queue)).toEqual([])
  })

  it('comes one at a time for those that were taken twice without an end, and holds back nobody else', () => {
    const suspects = [row('poison', { attempts: 2 }), row('beside', { attempts: 2 })]
    const queue = queueOf([...suspects, row('once', { attempts: 1 }), row('fresh')])
    expect(takeAll(queue)).toEqual(['poison', 'once', 'fresh'])
    queue.put({ ...suspects[0]!, status: 'running', attempts: 3, revision: ++revision })
    expect(takeAll(queue)).toEqual([])
    queue.put({ ...suspects[0]!, status: 'gone', revision: ++revision })
    expect(takeAll(queue)).toEqual(['beside'])
  })

  it('is found among ten thousand without going through all of them each time', () => {
    const rows = Array.from({ length: 10_000 }, (_, i) => row(`r${i}`, { tenant: `t${i % 10}`, priority: i % 7 }))
    const taken = takeAll(queueOf(rows))
    expect(new Set(taken).size).toBe(10_000)
    expect(rows.filter(({ run }) => taken.slice(0, 10).includes(run)).every(({ priority }) => priority === 0)).toBe(true)
  })
})
