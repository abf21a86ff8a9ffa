/** `kill -9` at 20 moments that chance has chosen, the same ones each time: after an append, or with an effect done and not logged. */
import { beforeEach, describe, expect, it } from 'vitest'
import { mulberry } from './chance.ts'
import { expectWhole, story } from './story.ts'
import { onlyWhenAllAsked } from '../services.ts'

beforeEach(onlyWhenAllAsked)

const KILLS = 4
const FURTHEST = 14

describe('a process killed by kill -9', () => {
  it.each([1, 2, 3, 4, 5])(
    'at four moments that seed %i has chosen goes on to the same answer',
    async (seed) => {
      const random = mulberry(seed)
      const told = await story({
        agent: 'desk',
        next: (kill) => {
          if (kill === KILLS) return null
          const append = 1 + Math.floor(random() * FURTHEST)
          // The first append begins the run: before it there is none to go on with.
          return random() < 0.5 || kill === 0 ? { type: 'after', append } : { type: 'before', append }
        },
      })
      expect(told.kills.length).toBe(KILLS)
      expectWhole(told, { sum: 111, all: [70, 80, 90], quick: 120, after: 130, paid: 150, helped: [430, 510], filed: 'filed' })
    },
    300_000,
  )
})
