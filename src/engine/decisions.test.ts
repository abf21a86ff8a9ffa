import { describe, expect, it } from 'vitest'
import type { Entry, EntryBodies, EntryType } from '../client/entry.ts'
import { NO_USAGE } from '../client/usage.ts'
import { messageOf, TroupeError } from '../errors/troupe-error.ts'
import { decisionPlace } from './decisions.ts'

const AT = '2026-01-02T03:04:05.678Z'
let seq = 0
const entry = <Type extends EntryType>(run: string, key: string, type: Type, body: EntryBodies[Type]): Entry<Type> => ({
  run,
  seq: ++seq,
  key,
  epoch: 1,
  at: AT,
  type,
  body,
})
const wanted = (run: string, key: string): Entry => entry(run, key, 'approval-wanted', { reason: 'approval', question: '?' })
const given = (run: string, key: string): Entry => entry(run, key, 'approval-given', { decision: 'approve', by: 'ann' })

function codeOf(tree: readonly Entry[], callId?: string): string {
  try {
    return JSON.stringify(decisionPlace('r', tree, callId))
  } catch (error) {
    return TroupeError.is(error) ? error.code : messageOf(error)
  }
}

describe('decisionPlace', () => {
  it('finds the only open approval, or the named one, in its own run', () => {
    const tree = [wanted('r', '1.1.approval'), wanted('r-1.2', '3.4.outcome')]
    expect(decisionPlace('r', tree, '1.1')).toEqual({ run: 'r', key: '1.1.approval' })
    expect(decisionPlace('r', tree, 'r-1.2:3.4')).toEqual({ run: 'r-1.2', key: '3.4.outcome' })
    expect(decisionPlace('r', [...tree, given('r', '1.1.approval')])).toEqual({ run: 'r-1.2', key: '3.4.outcome' })
  })

  it('says that a call was decided, or that it never asked', () => {
    const tree = [wanted('r', '1.1.approval'), given('r', '1.1.approval'), wanted('r', '1.2.approval')]
    expect(codeOf(tree, '1.1')).toBe('run/already-decided')
    expect(codeOf(tree, '1.3')).toBe('run/not-waiting')
    expect(codeOf(tree, 'r-9:1.2')).toBe('run/not-waiting')
    expect(codeOf([], '1.1')).toBe('run/not-found')
  })

  it('asks for a name when several wait, and tells which', () => {
    const tree = [wanted('r', '1.1.approval'), wanted('r', '1.2.approval')]
    expect(() => decisionPlace('r', tree)).toThrow(/r:1\.1, r:1\.2/)
    expect(codeOf(tree)).toBe('run/not-waiting')
  })

  it('lets a call that was approved before it began be decided again about its unknown outcome', () => {
    const tree = [wanted('r', '1.1.approval'), given('r', '1.1.approval'), wanted('r', '1.1.outcome')]
    expect(decisionPlace('r', tree, '1.1')).toEqual({ run: 'r', key: '1.1.outcome' })
  })

  it('takes no signal for an approval, and nothing of a run that has ended', () => {
    const end = entry('r-1.2', 'end', 'run-end', { status: 'cancelled', usage: NO_USAGE, steps: 0 })
    expect(codeOf([entry('r', 'w', 'wait-start', { topic: 't' }), wanted('r-1.2', '3.4.approval'), end])).toBe('run/not-waiting')
  })
})
