import { TroupeError } from '../../errors/troupe-error.ts'

/** The schemas of one store: ours, and the private one that DBOS keeps its own tables in. */
export interface Schemas {
  /** As SQL: quoted. */
  readonly own: string
  readonly dbos: string
  /** As names. */
  readonly ownName: string
  readonly dbosName: string
}

/** What names all of a store's turns in DBOS's tables. */
export const WORKFLOW_NAME = 'troupe.turn'
export const APPLICATION_NAME = 'troupe'
export const QUEUE_PREFIX = 'agent:'
export const TENANT_PREFIX = 't:'

/** Throws `config/invalid` for what PostgreSQL would have to quote: the name stands in functions and in locks. */
export function schemasOf(schema: string): Schemas {
  if (!/^[a-z_][a-z0-9_]{0,50}$/.test(schema))
    throw new TroupeError('config/invalid', `schema '${schema}': use small letters, digits and _, at most 51 of them`)
  const dbosName = `${schema}_dbos`
  return { own: `"${schema}"`, dbos: `"${dbosName}"`, ownName: schema, dbosName }
}

/** The DBOS queue that runs of an agent wait in. */
export function queueNameOf(agent: string): string {
  return `${QUEUE_PREFIX}${agent}`
}

/** The partition of a queue that runs of a tenant wait in; never empty. */
export function partitionOf(tenant: string): string {
  return `${TENANT_PREFIX}${tenant}`
}

export function tenantOf(partition: string): string {
  return partition.slice(TENANT_PREFIX.length)
}
