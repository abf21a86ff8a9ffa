import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { snapshotFiles } from './snapshot-files.ts'
import { keyOfFile, keyOfText } from './snapshot-key.ts'

const top = mkdtempSync(join(tmpdir(), 'troupe-snapshots-'))
afterAll(() => rmSync(top, { recursive: true, force: true }))

const key = new Uint8Array(32).fill(1)
const bytes = new TextEncoder().encode('the memory of an interpreter, with a secret in it')
let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(top, 'f-'))
})
const fileOf = (run: string): string => join(folder, 'r1', run)

describe('snapshot files', () => {
  it('give back what was put, and hide it from everybody else', async () => {
    const files = snapshotFiles(folder, key)
    await files.put('r1-2.3', bytes)
    expect([...((await files.get('r1-2.3')) ?? [])]).toEqual([...bytes])
    expect(await files.get('r1-2.4')).toBe(null)
    expect(statSync(fileOf('r1-2.3')).mode & 0o777).toBe(0o600)
    expect(readFileSync(fileOf('r1-2.3')).includes('secret')).toBe(false)
  })

  it('refuse a file of which any byte was changed, cut or added', async () => {
    const files = snapshotFiles(folder, key)
    await files.put('r1', bytes)
    const sealed = readFileSync(fileOf('r1'))
    for (let at = 0; at < sealed.length; at++) {
      const changed = Buffer.from(sealed)
      changed[at] = (changed[at] ?? 0) ^ 1
      writeFileSync(fileOf('r1'), changed)
      expect(await files.get('r1'), `byte ${at}`).toBe(null)
      writeFileSync(fileOf('r1'), sealed.subarray(0, at))
      expect(await files.get('r1'), `cut at ${at}`).toBe(null)
    }
    writeFileSync(fileOf('r1'), Buffer.concat([sealed, Buffer.of(0)]))
    expect(await files.get('r1')).toBe(null)
    writeFileSync(fileOf('r1'), sealed)
    expect(await files.get('r1')).not.toBe(null)
  })

  it('refuse one that was put in the place of another run, or sealed with another key', async () => {
    const files = snapshotFiles(folder, key)
    await files.put('r1', bytes)
    writeFileSync(fileOf('r1-9'), readFileSync(fileOf('r1')))
    expect(await files.get('r1-9')).toBe(null)
    expect(await snapshotFiles(folder, new Uint8Array(32)).get('r1')).toBe(null)
  })

  it('forget a run and those below it, and nothing else', async () => {
    const files = snapshotFiles(folder, key)
    for (const run of ['r1', 'r1-2.3', 'r1-2.3-1.1', 'r1-2.30', 'r2']) await files.put(run, bytes)
    await files.delete('r1-2.3')
    expect(readdirSync(join(folder, 'r1')).toSorted()).toEqual(['r1', 'r1-2.30'])
    await files.delete('r1')
    expect(readdirSync(folder)).toEqual(['r2'])
    await files.delete('r9-1.1')
  })

  it('keep the old one, and leave no part of a new one, where it cannot be written', async () => {
    const files = snapshotFiles(folder, key)
    await files.put('r1', bytes)
    // A full disk: every write to this device says so.
    symlinkSync('/dev/full', join(folder, 'full'))
    await expect(snapshotFiles(join(folder, 'full'), key).put('r1', bytes)).rejects.toThrow(/full/)
    expect(readdirSync(join(folder, 'r1'))).toEqual(['r1'])
    expect([...((await files.get('r1')) ?? [])]).toEqual([...bytes])
  })
})

describe('the key of snapshots', () => {
  it('is made once, for its owner alone, and is the same for whoever opens the store next', () => {
    const path = join(folder, 'a.key')
    const made = keyOfFile(path)
    expect(made?.length).toBe(32)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(keyOfFile(path)).toEqual(made)
    expect(keyOfFile(join(folder, 'b.key'))).not.toEqual(made)
  })

  it('is none where others can read it, where it is not whole, or where no file can be made', () => {
    const path = join(folder, 'a.key')
    keyOfFile(path)
    chmodSync(path, 0o640)
    expect(keyOfFile(path)).toBe(null)
    writeFileSync(join(folder, 'short.key'), 'abc', { mode: 0o600 })
    expect(keyOfFile(join(folder, 'short.key'))).toBe(null)
    expect(keyOfFile(join(folder, 'nowhere', 'a.key'))).toBe(null)
    expect(existsSync(join(folder, 'nowhere'))).toBe(false)
  })

  it('of the configuration has to be long', () => {
    expect(keyOfText('x'.repeat(32)).length).toBe(32)
    expect(() => keyOfText('x'.repeat(31))).toThrow(/openssl rand/)
  })
})
