/** The same suite on the server that `scripts/services` brings: another version, and commits that are on disk. */
import { afterAll, describe, expect, it } from 'vitest'
import { realPostgres } from '../../../test/postgres.ts'
import { itNeeds } from '../../../test/services.ts'
import { engineConformance } from '../../testing/engine-conformance.ts'
import { dbos } from './dbos.ts'

const postgres = realPostgres()
afterAll(() => postgres?.[Symbol.asyncDispose](), 60_000)

if (postgres)
  engineConformance('dbos on a real server', async () => dbos({ url: await postgres.freshUrl(), sweepMs: 100 }), { describe, it, expect })
else itNeeds('TROUPE_POSTGRES_URL is not set')('engine dbos on a real server', () => {})
