import { expect, it } from 'vitest'
import { performTurn } from './perform-turn.ts'

const turn = { run: 'r1', attempt: 1 }

it('gives what a turn came to', async () => {
  expect(await performTurn(async () => ({ type: 'ended' }), turn)).toEqual({ type: 'ended' })
})

it('makes a fault of what a turn throws, at once or later', async () => {
  const fault = { type: 'broken', error: expect.objectContaining({ code: 'engine/store-failed', message: 'gone' }) as unknown }
  const throwing = (): never => {
    throw new Error('gone')
  }
  expect(await performTurn(throwing, turn)).toEqual(fault)
  expect(await performTurn(() => Promise.reject(new Error('gone')), turn)).toEqual(fault)
})
