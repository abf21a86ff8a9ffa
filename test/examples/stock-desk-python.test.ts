import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runProgram, type Ended } from './run-program.ts'

describe('npm start -- --language python', { timeout: 60_000 }, () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'troupe-desk-python-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  const desk = (language: string): Promise<Ended> =>
    runProgram('stock-desk/main.ts', {
      args: ['--language', language],
      env: { STOCK_DESK_OUT: join(folder, language), STOCK_DESK_STORE: join(folder, `${language}.db`) },
    })

  test('gives the report and the chart that TypeScript gives, to the byte', async () => {
    for (const language of ['typescript', 'python']) expect(await desk(language)).toMatchObject({ code: 0, stderr: '' })
    for (const file of ['report.md', 'yearly-changes.svg']) {
      expect(await readFile(join(folder, 'python', file), 'utf8')).toBe(await readFile(join(folder, 'typescript', file), 'utf8'))
    }
  })

  test('refuses another language before anything runs', async () => {
    expect(await desk('cobol')).toMatchObject({ code: 2, stderr: '--language cobol: write typescript or python\n' })
  })
})
