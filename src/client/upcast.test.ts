import { describe, expect, it } from 'vitest'
import { upcast } from './upcast.ts'

const upcasters = {
  print: {
    1: (body: unknown) => ({ ...(body as object), stream: 'stdout' }),
    3: (body: unknown) => ({ line: body }),
  },
}

describe('a body of an earlier format', () => {
  it('is lifted from version to version up to the present one', () => {
    expect(upcast('print', 1, { text: 'a' }, { upcasters, present: 4 })).toEqual({ line: { text: 'a', stream: 'stdout' } })
    expect(upcast('print', 2, { text: 'a' }, { upcasters, present: 3 })).toEqual({ text: 'a' })
  })

  it('of a type that never changed, or of the present version, is what it was', () => {
    expect(upcast('log', 1, { message: 'm' }, { upcasters, present: 4 })).toEqual({ message: 'm' })
    expect(upcast('print', 4, { line: 1 }, { upcasters, present: 4 })).toEqual({ line: 1 })
  })

  it('of a newer format is refused by name', () => {
    expect(() => upcast('print', 2, {}, { present: 1 })).toThrow(/'print' entry has format 2, this program reads up to 1/)
  })
})
