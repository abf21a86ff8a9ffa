import { closest } from '../schema/closest.ts'

/** What a value of the configuration may be. `map`: an object with any keys, such as names of tenants. */
export type Shape =
  | { readonly type: 'number'; readonly min: number; readonly max?: number; readonly whole?: boolean }
  | { readonly type: 'object'; readonly keys: Readonly<Record<string, Shape>>; readonly required?: readonly string[] }
  | { readonly type: 'map'; readonly of: Shape }
  /** `said`: what such a text is. The value is never repeated: it may hold a password. */
  | { readonly type: 'text'; readonly said: string; readonly pattern?: RegExp }
  | { readonly type: 'texts' }
  /** `true`, or a value of the other shape that says more. */
  | { readonly type: 'true'; readonly or?: Shape }

/** What is wrong with a value, as the end of a sentence that begins with the file; undefined when nothing is. */
export function shapeFault(path: string, value: unknown, shape: Shape): string | undefined {
  if (shape.type === 'number') return numberFault(path, value, shape)
  if (shape.type === 'text') return textFault(path, value, shape)
  if (shape.type === 'texts') return isTexts(value) ? undefined : `must have a list of texts as '${path}', with at least one`
  if (shape.type === 'true') {
    if (value === true) return undefined
    return shape.or && isObject(value) ? shapeFault(path, value, shape.or) : `must have true${shape.or ? ' or an object' : ''} as '${path}'`
  }
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

function numberFault(path: string, value: unknown, shape: Extract<Shape, { type: 'number' }>): string | undefined {
  const { min, max = Infinity, whole = false } = shape
  const isOne = typeof value === 'number' && Number.isFinite(value) && (!whole || Number.isInteger(value))
  if (isOne && value >= min && value <= max) return undefined
  const range = max === Infinity ? `from ${min}` : `from ${min} to ${max}`
  return `must have a ${whole ? 'whole ' : ''}number ${range} as '${path}', not ${JSON.stringify(value)}`
}

function textFault(path: string, value: unknown, { said, pattern = /\S/ }: Extract<Shape, { type: 'text' }>): string | undefined {
  return typeof value === 'string' && pattern.test(value) ? undefined : `must have ${said} as '${path}'`
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === 'string' && one !== '')
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const COUNT: Shape = { type: 'number', min: 0, whole: true }
const AT_LEAST_ONE: Extract<Shape, { type: 'number' }> = { type: 'number', min: 1, whole: true }
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

const NAME: Shape = { type: 'text', said: 'a text' }

export const AMQP_SHAPE: Shape = {
  type: 'object',
  keys: {
    url: { type: 'text', said: 'a URL such as amqp://USER:PASSWORD@HOST:5672/VHOST', pattern: /^amqps?:\/\/./ },
    store: { type: 'text', said: 'a name of at most 64 letters, digits, _ and -', pattern: /^[\w-]{1,64}$/ },
    tasks: { type: 'true', or: { type: 'object', keys: { queue: NAME, prefetch: { ...AT_LEAST_ONE, max: 65_535 } } } },
    serve: { type: 'texts' },
    results: { type: 'true' },
    events: { type: 'true', or: { type: 'object', keys: { exchange: NAME, cursor: NAME, pollMs: { type: 'number', min: 1 } } } },
  },
}
