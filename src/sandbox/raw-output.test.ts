import { describe, expect, it } from 'vitest'
import { endMark, RawOutput } from './raw-output.ts'

const TOKEN = 'f00d'.repeat(8)

/** All that a stream shows of `text`, which comes in pieces of `size`. */
function shown(raw: RawOutput, text: string, size: number): string[] {
  const out: string[] = []
  for (let at = 0; at < text.length; at += size) {
    const { lines } = raw.push(text.slice(at, at + size))
    if (lines !== null) out.push(...lines.split('\n'))
  }
  const rest = raw.rest()
  return rest === '' ? out : [...out, rest]
}

describe('RawOutput', () => {
  for (const size of [1, 2, 7, 1_000]) {
    it(`shows what came before the mark, in pieces of ${size}`, () => {
      const raw = new RawOutput()
      raw.begin(TOKEN)
      expect(shown(raw, `one\ntwo\nrest${endMark(TOKEN)}late\n`, size)).toEqual(['one', 'two', 'rest'])
      expect(raw.hasEnded).toBe(true)
    })

    it(`drops what a late mark shows to be of an earlier step, in pieces of ${size}`, () => {
      const raw = new RawOutput()
      raw.begin('aa'.repeat(16))
      expect(shown(raw, 'first\n', size)).toEqual(['first'])
      raw.begin(TOKEN)
      expect(shown(raw, `old${endMark('aa'.repeat(16))}new\n${endMark(TOKEN)}`, size)).toEqual(['new'])
      expect(raw.hasEnded).toBe(true)
    })
  }

  it('counts what is no mark', () => {
    const raw = new RawOutput()
    raw.begin(TOKEN)
    let size = 0
    for (const piece of `one\n${endMark(TOKEN)}more`) size += raw.push(piece).size
    expect(size).toBe('one\nmore'.length)
  })

  it('takes nothing else for a mark', () => {
    const raw = new RawOutput()
    raw.begin(TOKEN)
    const forged = `\0${'0'.repeat(32)}\0\n\0\0${TOKEN}\n`
    expect(shown(raw, forged, 3)).toEqual(forged.trimEnd().split('\n'))
    expect(raw.hasEnded).toBe(false)
  })
})
