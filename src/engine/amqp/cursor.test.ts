import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { fileCursor } from './cursor.ts'

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'troupe-cursor-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

it('a cursor in a file gives back what it was given, and leaves nothing else', async () => {
  const path = folder()
  const cursor = fileCursor(join(path, 'events.cursor'))
  expect(await cursor.read()).toBe(null)
  await cursor.write('12:3')
  await cursor.write('13:1')
  expect(await fileCursor(join(path, 'events.cursor')).read()).toBe('13:1')
  expect(readdirSync(path)).toEqual(['events.cursor'])
})

it('a cursor that cannot be read or written says which', async () => {
  const path = folder()
  const what = { code: 'engine/store-failed', message: expect.stringContaining(path) as string }
  await expect(fileCursor(path).read()).rejects.toMatchObject(what)
  await expect(fileCursor(join(path, 'no', 'cursor')).write('1')).rejects.toMatchObject(what)
})
