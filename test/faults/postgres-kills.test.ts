/** `kill -9` of a process that drives a run in PostgreSQL: at 20 seeded moments, and at one boundary of every type of entry. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startPostgres, type TestPostgres } from '../postgres.ts'
import { mulberry } from './chance.ts'
import { expectWhole, story } from './story.ts'
import { isAllAsked, onlyWhenAllAsked } from '../services.ts'

beforeEach(onlyWhenAllAsked)

const KILLS = 4
const FURTHEST = 14
const ANSWER = { sum: 111, all: [70, 80, 90], quick: 120, after: 130, paid: 150, helped: [430, 510], filed: 'filed' }

let postgres: TestPostgres
beforeAll(async () => {
  if (isAllAsked) postgres = await startPostgres()
}, 60_000)
afterAll(() => postgres?.[Symbol.asyncDispose]())

describe('a process on PostgreSQL killed by kill -9', () => {
  it.each([1, 2, 3, 4, 5])('at four moments that seed %i has chosen goes on to the same answer', { timeout: 300_000 }, async (seed) => {
    const random = mulberry(seed)
    const told = await story({
      agent: 'desk',
      store: await postgres.freshUrl(),
      next: (kill) => {
        if (kill === KILLS) return null
        const append = 1 + Math.floor(random() * FURTHEST)
        return random() < 0.5 || kill === 0 ? { type: 'after', append } : { type: 'before', append }
      },
    })
    expect(told.kills.length).toBe(KILLS)
    expectWhole(told, ANSWER)
  })

  it('after the first entry of each type that the run writes goes on to the same answer', { timeout: 300_000 }, async () => {
    const told = await story({
      agent: 'desk',
      store: await postgres.freshUrl(),
      next: (_, known) => ({ type: 'new-type', known: [...new Set(known.map(({ type }) => type))] }),
    })
    expect(told.kills.length).toBeGreaterThan(8)
    expectWhole(told, ANSWER)
  })
})
