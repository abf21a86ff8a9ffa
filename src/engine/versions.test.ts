import { describe, expect, it } from 'vitest'
import type { Entry } from '../client/entry.ts'
import { isCompatible, refuseOtherVersion, versionOf } from './versions.ts'

const start: Entry = {
  run: 'r',
  seq: 1,
  epoch: 0,
  at: '',
  type: 'run-start',
  body: { version: 1, agent: 'a', agentVersion: '1.2.0', input: { task: 't' }, rootRunId: 'r' },
}
const adopted: Entry = { run: 'r', seq: 2, epoch: 0, at: '', type: 'adopted', body: { agentVersion: '3.0.0' } }
const agent = (version: string) => ({ name: 'a', version, activate: async () => ({ status: 'done' as const }) })

describe('versions', () => {
  it.each([
    ['1.2.3', '1.9.0', true],
    ['1.2.3', '2.0.0', false],
    ['10.0.0', '1.0.0', false],
    ['abc123', 'abc123', true],
    ['abc123', 'abc124', false],
    ['1', '1.0.0', true],
  ])('%s goes on with runs of %s: %s', (version, other, is) => {
    expect(isCompatible(version, other)).toBe(is)
  })

  it('are those that began a run, or that adopted it last', () => {
    expect(versionOf([start])).toBe('1.2.0')
    expect(versionOf([start, adopted])).toBe('3.0.0')
  })

  it('of another major are refused with both names and a way out', () => {
    expect(() => refuseOtherVersion('r', [start], agent('1.0.9'))).not.toThrow()
    expect(() => refuseOtherVersion('r', [start], agent('2.0.0'))).toThrow(/a 1\.2\.0, here is 2\.0\.0.*--adopt/)
    expect(() => refuseOtherVersion('r', [start, adopted], agent('3.1.0'))).not.toThrow()
  })
})
