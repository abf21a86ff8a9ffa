import { expect, it } from 'vitest'
import { hash32 } from './hash.ts'

it('is FNV-1a: the published values for ASCII', () => {
  expect(['', 'a', 'foobar'].map(hash32)).toEqual([0x811c9dc5, 0xe40c292c, 0xbf9cf968])
})
