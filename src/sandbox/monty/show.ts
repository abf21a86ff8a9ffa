import { imageMark } from './output.ts'
import { dateText, isMarked } from './values.ts'

const [MAX_DEPTH, MAX_ITEMS, MAX_STRING] = [6, 100, 2_000]

/** What the model is shown of a value that Python gave: as `repr` would write it, cut where it is long; text on top as it is. */
export function showPython(value: unknown, budget: number): string {
  if (value === null || value === undefined) return ''
  if (typeof value === 'string') return cut(value, budget)
  return cut(show(value, { left: budget }, 0), budget)
}

interface Work {
  left: number
}

function show(value: unknown, work: Work, depth: number): string {
  const text = showWhole(value, work, depth)
  work.left -= text.length
  return text
}

function showWhole(value: unknown, work: Work, depth: number): string {
  switch (typeof value) {
    case 'string':
      return value.startsWith('<function ') ? value : quoted(cut(value, MAX_STRING))
    case 'boolean':
      return value ? 'True' : 'False'
    case 'number':
      return Number.isNaN(value)
        ? 'nan'
        : Math.abs(value) === Infinity
          ? value < 0
            ? '-inf'
            : 'inf'
          : Object.is(value, -0)
            ? '-0.0'
            : String(value)
    case 'object':
      break
    default:
      return String(value)
  }
  if (value === null) return 'None'
  if (depth >= MAX_DEPTH) return '…'
  if (Array.isArray(value)) {
    const items = list(value, (item) => show(item, work, depth + 1), work)
    if (!('__tuple__' in value)) return `[${items}]`
    return value.length === 1 ? `(${items},)` : `(${items})`
  }
  if (value instanceof Map && value.get('type') === 'image') {
    const [mediaType, data]: unknown[] = [value.get('mediaType'), value.get('data')]
    if (typeof mediaType === 'string' && /^image\/[a-z0-9.+-]{1,40}$/.test(mediaType) && typeof data === 'string' && data !== '')
      return imageMark(mediaType, data)
  }
  if (value instanceof Map)
    return `{${list([...value], ([key, item]) => `${show(key, work, depth + 1)}: ${show(item, work, depth + 1)}`, work)}}`
  if (value instanceof Set) return value.size === 0 ? 'set()' : `{${list([...value], (item) => show(item, work, depth + 1), work)}}`
  if (value instanceof Uint8Array) return `b${quoted(cut(Buffer.from(value).toString('latin1'), MAX_STRING))}`
  return isMarked(value) ? showMarked(value) : '<object>'
}

function list<T>(items: readonly T[], text: (item: T) => string, work: Work): string {
  const shown: string[] = []
  for (const item of items) {
    if (shown.length >= MAX_ITEMS || work.left <= 0) break
    shown.push(text(item))
  }
  const more = items.length - shown.length
  return [...shown, ...(more > 0 ? [`… ${more} more`] : [])].join(', ')
}

function showMarked(value: Parameters<typeof dateText>[0]): string {
  const two = (part: unknown): string => String(part).padStart(2, '0')
  switch (value.__monty_type__) {
    case 'Date':
      return dateText(value)
    case 'DateTime':
      return `${dateText(value)} ${two(value.hour)}:${two(value.minute)}:${two(value.second)}`
    case 'TimeDelta':
      return `timedelta(days=${String(value.days)}, seconds=${String(value.seconds)})`
    case 'Exception':
      return `${String(value.excType)}(${quoted(String(value.message))})`
    default:
      return `<${value.__monty_type__}${typeof value.value === 'string' ? ` ${value.value}` : ''}>`
  }
}

function quoted(text: string): string {
  const inner = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"')
  return text.includes("'") && !text.includes('"') ? `"${inner}"` : `'${inner.replaceAll("'", "\\'")}'`
}

function cut(text: string, at: number): string {
  if (text.length <= at) return text
  const half = at >> 1
  return `${text.slice(0, half)} … ${text.length - 2 * half} characters left out … ${text.slice(text.length - half)}`
}
