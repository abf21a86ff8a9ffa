import type { RemoteAgents } from '../engine/amqp/amqp.ts'
import type { TroupeError } from '../errors/troupe-error.ts'
import type { AmqpConfig, TroupeConfig } from '../index.ts'
import { usageError } from './flags.ts'
import { note } from './output.ts'
import { errorLine } from './text.ts'

/** The broker that the configuration names. Nothing is opened before it is needed. */
export interface Broker {
  readonly config: AmqpConfig
  /** Null: neither the configuration nor TROUPE_AMQP_URL says it. */
  readonly url: string | null
  /** Where the agents are that `remote` names; null without a URL or a name of the store. */
  readonly remote: RemoteAgents | null
  onTrouble(error: TroupeError): void
}

/** Null where the configuration names no broker. Throws `config/invalid` for a URL that is none. */
export async function brokerOf({ amqp }: TroupeConfig): Promise<Broker | null> {
  if (!amqp) return null
  const url = amqp.url ?? (process.env['TROUPE_AMQP_URL'] || null)
  const onTrouble = troubleTeller()
  if (url === null || amqp.store === undefined) return { config: amqp, url, remote: null, onTrouble }
  const { remoteAgents } = await import('../engine/amqp/amqp.ts')
  return { config: amqp, url, remote: remoteAgents({ url, store: amqp.store, onTrouble }), onTrouble }
}

/** Throws `config/invalid`. */
export function urlOf({ url }: Broker): string {
  if (url !== null) return url
  throw usageError('amqp in the configuration has no url, and TROUPE_AMQP_URL is not set')
}

/** Several links see one broker go away, each in its own time: what was told within this time is not told again. */
const SAME_TROUBLE_MS = 60_000

function troubleTeller(): (error: TroupeError) => void {
  const told = new Map<string, number>()
  return ({ code, message }) => {
    const key = code === 'amqp/unavailable' ? code : `${code} ${message}`
    const before = told.get(key)
    told.set(key, performance.now())
    if (before !== undefined && performance.now() - before < SAME_TROUBLE_MS) return
    note(errorLine(message)).catch(() => {}) // Nobody reads it any more.
  }
}
