import { describe, expect, it } from 'vitest'
import { childRunId, isInTree, newRunId, rootOf } from './run-id.ts'

describe('a run id', () => {
  it('sorts by time, and differs within one millisecond', () => {
    const times = [0, 1, 35, 36, 1_000_000, Date.UTC(2026, 0), Date.UTC(2026, 0) + 1, Date.UTC(2090, 0)]
    const ids = times.map(newRunId)
    expect(ids.toSorted()).toEqual(ids)
    expect(new Set(Array.from({ length: 1_000 }, () => newRunId(5))).size).toBe(1_000)
  })

  it('has one length and no character that parts a child from its parent', () => {
    for (const now of [0, Date.UTC(2026, 0)]) expect(newRunId(now)).toMatch(/^r[0-9a-z]{19}$/)
  })

  it('knows its tree, and no other run whose id begins alike', () => {
    const root = newRunId(1)
    const child = childRunId(root, '2.5')
    const grandchild = childRunId(child, '1.1')
    expect([root, child, grandchild].map(rootOf)).toEqual([root, root, root])
    expect([root, child, grandchild].every((id) => isInTree(id, root))).toBe(true)
    expect(isInTree(root, child)).toBe(false)
    expect(isInTree(childRunId(root, '2.51'), child)).toBe(false)
    expect(isInTree(`${root}x`, root)).toBe(false)
  })
})
