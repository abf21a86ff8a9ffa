import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startPostgres, type TestPostgres } from '../../../test/postgres.ts'
import { engineConformance } from '../../testing/engine-conformance.ts'
import { dbos } from './dbos.ts'

let postgres: TestPostgres
beforeAll(async () => {
  postgres = await startPostgres()
}, 60_000)
afterAll(() => postgres?.[Symbol.asyncDispose]())

engineConformance('dbos', async () => dbos({ url: await postgres.freshUrl(), sweepMs: 100 }), { describe, it, expect })
