import { expect, it } from 'vitest'
import { AsyncQueue } from './async-queue.ts'

async function drain<T>(queue: AsyncQueue<T>): Promise<T[]> {
  const values: T[] = []
  for await (const value of queue) values.push(value)
  return values
}

it('hands over in order what was pushed before and while it is pulled', async () => {
  const queue = new AsyncQueue<number>()
  queue.push(1)
  queue.push(2)
  const drained = drain(queue)
  await Promise.resolve()
  queue.push(3)
  setTimeout(() => {
    queue.push(4)
    queue.end()
  }, 1)
  await expect(drained).resolves.toEqual([1, 2, 3, 4])
})

it('gives the values that are there before it throws its end, and takes no value after it', async () => {
  const queue = new AsyncQueue<number>()
  queue.push(1)
  queue.end(new Error('worker died'))
  queue.push(2)
  queue.end()
  const seen: number[] = []
  await expect(async () => {
    for await (const value of queue) seen.push(value)
  }).rejects.toThrow('worker died')
  expect(seen).toEqual([1])
})
