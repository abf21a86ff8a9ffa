import { closest } from '../schema/closest.ts'

/** What a value of the configuration may be. `map`: an object with any keys, such as names of tenants. */
export type Shape =
  | { readonly type: 'number'; readonly min: number; readonly whole?: boolean }
  | { readonly type: 'object'; readonly keys: Readonly<Record<string, Shape>>; readonly required?: readonly string[] }
  | { readonly type: 'map'; readonly of: Shape }

/** What is wrong with a value, as the end of a sentence that begins with the file; undefined when nothing is. */
export function shapeFault(path: string, value: unknown, shape: Shape): string | undefined {
  if (shape.type === 'number') return numberFault(path, value, shape)
  if (!isObject(value)) return `must have an object as '${path}'`
  const entries = Object.entries(value).filter(([, part]) => part !== undefined)
  const missing = shape.type === 'object' ? shape.required?.find((key) => value[key] === undefined) : undefined
  if (missing !== undefined) return `lacks '${path}.${missing}'`
  for (const [key, part] of entries) {
    const inner = shape.type === 'map' ? shape.of : Object.hasOwn(shape.keys, key) ? shape.keys[key] : undefined
    if (!inner) return unknownKey(`${path}.${key}`, key, shape.type === 'object' ? Object.keys(shape.keys) : [])
    const fault = shapeFault(`${path}.${key}`, part, inner)
    if (fault !== undefined) return fault
  }
  return undefined
}

export function unknownKey(path: string, key: string, known: Iterable<string>): string {
  const meant = closest(key, known)
  return `has an unknown key '${path}'${meant === undefined ? '' : `, did you mean '${meant}'?`}`
}

function numberFault(path: string, value: unknown, { min, whole = false }: Extract<Shape, { type: 'number' }>): string | undefined {
  if (typeof value === 'number' && Number.isFinite(value) && value >= min && (!whole || Number.isInteger(value))) return undefined
  return `must have a ${whole ? 'whole ' : ''}number from ${min} as '${path}', not ${JSON.stringify(value)}`
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const COUNT: Shape = { type: 'number', min: 0, whole: true }
const AT_LEAST_ONE: Shape = { type: 'number', min: 1, whole: true }
const RATE: Shape = {
  type: 'object',
  keys: { limit: AT_LEAST_ONE, periodMs: { type: 'number', min: 1 } },
  required: ['limit', 'periodMs'],
}
const SHARE: Shape = { type: 'object', keys: { concurrency: COUNT, rate: RATE } }
const SPENDING: Shape = { type: 'object', keys: { tokens: COUNT, costUsd: { type: 'number', min: 0 } } }
const TENANT_BUDGET: Shape = { type: 'object', keys: { day: SPENDING, month: SPENDING } }

export const QUEUE_SHAPE: Shape = {
  type: 'object',
  keys: {
    admission: { type: 'object', keys: { maxDepth: COUNT, maxDepthPerTenant: COUNT } },
    limits: {
      type: 'object',
      keys: {
        concurrency: COUNT,
        tenant: SHARE,
        tenants: { type: 'map', of: SHARE },
        agents: { type: 'map', of: SHARE },
        models: { type: 'map', of: { type: 'object', keys: { rate: RATE } } },
      },
    },
    backoff: {
      type: 'object',
      keys: { baseMs: { type: 'number', min: 1 }, maxMs: { type: 'number', min: 1 } },
      required: ['baseMs', 'maxMs'],
    },
  },
}

export const TENANT_BUDGETS_SHAPE: Shape = { type: 'object', keys: { default: TENANT_BUDGET, tenants: { type: 'map', of: TENANT_BUDGET } } }
