import { describe, expect, it } from 'vitest'
import { nextTurn } from '../util/next-turn.ts'
import { TroupeError } from '../errors/troupe-error.ts'
import { Turns } from './turns.ts'

/** Notes the name of each promise when it settles. */
function noter(): { readonly seen: string[]; note(name: string, promise: Promise<void>): void } {
  const seen: string[] = []
  return { seen, note: (name, promise) => void promise.then(() => seen.push(name)) }
}

async function settled(turns: number = 8): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await nextTurn()
}

describe('Turns', () => {
  it('answers recorded operations in the order of the log, whatever the order of asking', async () => {
    const turns = new Turns(['a', 'b', 'c'])
    const { seen, note } = noter()
    note('c', turns.recorded('c'))
    note('b', turns.recorded('b'))
    await settled()
    expect(seen).toEqual([])
    expect(turns.missing).toBe('a')
    note('a', turns.recorded('a'))
    await settled()
    expect(seen).toEqual(['a', 'b', 'c'])
    expect(turns.isLive).toBe(true)
    expect(turns.missing).toBeUndefined()
  })

  it('lets all that an answer sets off run before the next answer', async () => {
    const turns = new Turns(['a', 'b'])
    const seen: string[] = []
    const first = turns.recorded('a').then(async () => {
      for (let hop = 0; hop < 20; hop++) await Promise.resolve()
      seen.push('after a')
    })
    const second = turns.recorded('b').then(() => seen.push('b'))
    await Promise.all([first, second])
    expect(seen).toEqual(['after a', 'b'])
  })

  it('holds live operations until the last recorded one is answered', async () => {
    const turns = new Turns(['a'])
    const { seen, note } = noter()
    note('live', turns.live())
    note('next', turns.next())
    await settled()
    expect(seen).toEqual([])
    note('a', turns.recorded('a'))
    await settled()
    expect(seen.toSorted()).toEqual(['a', 'live', 'next'])
    expect(seen.indexOf('a')).toBeLessThan(seen.indexOf('next'))
  })

  it('is live from the start when nothing is recorded, and settles in the order of asking', async () => {
    const turns = new Turns([])
    await turns.live()
    const { seen, note } = noter()
    for (const name of ['x', 'y', 'z']) note(name, turns.next())
    expect(turns.isSettling).toBe(true)
    await settled()
    expect(seen).toEqual(['x', 'y', 'z'])
    expect(turns.isSettling).toBe(false)
  })

  it('refuses what the log does not know', async () => {
    const error: unknown = await new Turns(['a']).recorded('b').catch((error: unknown) => error)
    expect(TroupeError.is(error, 'engine/duplicate-key')).toBe(true)
  })
})
