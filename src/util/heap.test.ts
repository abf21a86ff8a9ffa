import { expect, it } from 'vitest'
import { Heap } from './heap.ts'

it('a heap gives the least item first, whatever the order of pushes and pops', () => {
  const heap = new Heap<number>((a, b) => a < b)
  let seed = 7
  const next = (): number => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31)
  const kept: number[] = []
  for (let i = 0; i < 2_000; i++) {
    if (next() % 3 > 0) {
      const item = next() % 500
      heap.push(item)
      kept.push(item)
    } else {
      kept.sort((a, b) => a - b)
      expect(heap.first).toBe(kept[0])
      expect(heap.pop()).toBe(kept.shift())
    }
    expect(heap.size).toBe(kept.length)
  }
})
