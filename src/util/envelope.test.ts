import { expect, it } from 'vitest'
import { openEnvelope, packEnvelope } from './envelope.ts'

it('gives back what was packed, from the middle of other bytes too', () => {
  const packed = packEnvelope({ a: ['ä', 1] }, Uint8Array.of(1, 2, 3))
  const around = new Uint8Array(packed.length + 5)
  around.set(packed, 5)
  const opened = openEnvelope(around.subarray(5))
  expect(opened?.header).toEqual({ a: ['ä', 1] })
  expect([...(opened?.body ?? [])]).toEqual([1, 2, 3])
})

it('refuses what is none', () => {
  const packed = packEnvelope({ a: 1 }, Uint8Array.of())
  for (const bytes of [[], [0, 0, 0], [...packed].slice(0, -1), [255, 255, 255, 255, 1], [0, 0, 0, 1, 123]])
    expect(openEnvelope(Uint8Array.from(bytes))).toBe(null)
})
