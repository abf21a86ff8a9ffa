import { describe, expect, it } from 'vitest'
import { quickjsWith } from '../../src/sandbox/quickjs/create.ts'
import { ALL_DEFENCES, type Defences } from '../../src/sandbox/quickjs/protocol.ts'
import { type Attack, attack, ATTACKS, type Seen } from './attacks.ts'
import { MAX_GAP_MS } from '../../src/testing/sandbox-conformance/awake.ts'

async function tryAttack(defences: Defences, tried: Attack): Promise<Seen> {
  const sandbox = quickjsWith(defences, { workers: 1 })
  try {
    return await attack(sandbox, tried)
  } finally {
    await sandbox[Symbol.asyncDispose]()
  }
}

const off = (names: readonly (keyof Defences)[]): Defences => ({
  ...ALL_DEFENCES,
  ...Object.fromEntries(names.map((name) => [name, false])),
})
const describeSeen = (seen: Seen): string => JSON.stringify({ ...seen, frames: seen.frames.slice(0, 8) }).slice(0, 1_000)

describe('attacks on the quickjs sandbox', () => {
  for (const tried of ATTACKS) {
    const { name, without = [], isContained } = tried
    it(`contains ${name}`, async () => {
      // `validFrames` is left out of the way in some: what it is the second line behind must hold alone. With all on it holds too.
      for (const defences of without.length > 0 && tried.defence !== 'validFrames' ? [ALL_DEFENCES, off(without)] : [off(without)]) {
        const seen = await tryAttack(defences, tried)
        expect(isContained(seen), describeSeen(seen)).toBe(true)
        expect(seen.gapMs, describeSeen(seen)).toBeLessThan(MAX_GAP_MS)
      }
    })
  }
})

describe('every defence is needed', () => {
  const names = Object.keys(ALL_DEFENCES) as (keyof Defences)[]
  for (const name of names) {
    it(`without ${name} an attack gets through`, async () => {
      const tries = ATTACKS.filter(({ defence }) => defence === name)
      expect(tries.length).toBeGreaterThan(0)
      const [first] = tries
      if (first === undefined) return
      const seen = await tryAttack(off([name, ...(first.without ?? [])]), first)
      expect(first.isContained(seen), describeSeen(seen)).toBe(false)
    })
  }
})
