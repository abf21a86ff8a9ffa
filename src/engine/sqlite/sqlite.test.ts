import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { engineConformance } from '../../testing/engine-conformance.ts'
import { sqlite } from './sqlite.ts'

const directory = mkdtempSync(join(tmpdir(), 'troupe-sqlite-'))
afterAll(() => rmSync(directory, { recursive: true }))

let stores = 0
engineConformance('sqlite', () => sqlite({ path: join(directory, String(++stores), 'troupe.db') }), { describe, it, expect })
