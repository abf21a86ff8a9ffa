import type { JsonValue } from '../util/json.ts'
import type { JsonSchema } from './json-schema.ts'
import { isNode } from './pointer.ts'
import type { Notes } from './shape.ts'

/** Longest regular expression that is worth its place in a prompt. */
const PATTERN_LENGTH = 40

/** Description, limits and default of one part of a JSON Schema, as short texts for a comment. */
export function notesOf(node: JsonValue | undefined): Notes {
  if (!isNode(node)) return { rules: [] }
  const { description, default: preset } = node
  return {
    ...describe(description ?? (isNode(node['items']) ? node['items']['description'] : undefined)),
    rules: rulesOf(node),
    ...(preset !== undefined && { default: preset }),
  }
}

function describe(text: JsonValue | undefined): { description?: string } {
  return typeof text === 'string' && text.trim() !== '' ? { description: oneLine(text) } : {}
}

/** Text that may stand in a comment of one line. */
function oneLine(text: string): string {
  return text.replace(/\s+/gu, ' ').trim()
}

function rulesOf(node: JsonSchema): string[] {
  const rules: string[] = []
  if (node['deprecated'] === true) rules.push('deprecated')
  rules.push(...numberRules(node))
  const characters = range(node['minLength'], node['maxLength'], 'character')
  if (characters) rules.push(characters)
  if (typeof node['format'] === 'string') rules.push(`format ${node['format']}`)
  else if (typeof node['pattern'] === 'string' && node['pattern'].length <= PATTERN_LENGTH)
    rules.push(`matches /${oneLine(node['pattern'])}/`)
  if (node['prefixItems'] === undefined && !Array.isArray(node['items'])) {
    const items = range(node['minItems'], node['maxItems'], 'item')
    if (items) rules.push(items)
    if (node['uniqueItems'] === true) rules.push('no repeats')
    if (isNode(node['items'])) rules.push(...rulesOf(node['items']).map((rule) => `each ${rule}`))
  }
  const properties = range(node['minProperties'], node['maxProperties'], 'key')
  if (properties) rules.push(properties)
  rules.push(...optionRules(node))
  return rules
}

/** Of `string | null` the rules of the string; of a real choice none, as it would be unclear which option is meant. */
function optionRules(node: JsonSchema): string[] {
  const options = [node['anyOf'], node['oneOf']]
    .flatMap((value) => (Array.isArray(value) ? value : []))
    .filter((option) => isNode(option) && option['type'] !== 'null')
  const only = options.length === 1 ? options[0] : undefined
  return isNode(only) ? rulesOf(only) : []
}

function numberRules(node: JsonSchema): string[] {
  const isInteger = node['type'] === 'integer' || (Array.isArray(node['type']) && node['type'].includes('integer'))
  const rules: string[] = []
  const low = bound(node['exclusiveMinimum'], '>') ?? bound(node['minimum'], '>=')
  const high = bound(node['exclusiveMaximum'], '<') ?? bound(node['maximum'], '<=')
  const limits = [low, high].filter((limit) => limit !== undefined).join(' and ')
  if (limits) rules.push(limits)
  if (typeof node['multipleOf'] === 'number' && !(isInteger && node['multipleOf'] === 1)) rules.push(`multiple of ${node['multipleOf']}`)
  return rules
}

/** Libraries write the safe integers as limits of every integer; nobody needs to read that. */
function bound(limit: JsonValue | undefined, sign: string): string | undefined {
  if (typeof limit !== 'number' || Math.abs(limit) >= Number.MAX_SAFE_INTEGER) return undefined
  return `${sign} ${limit}`
}

function range(min: JsonValue | undefined, max: JsonValue | undefined, noun: string): string | undefined {
  const low = typeof min === 'number' && min > 0 ? min : undefined
  const high = typeof max === 'number' ? max : undefined
  if (low === undefined && high === undefined) return undefined
  if (low === high) return `exactly ${plural(low ?? 0, noun)}`
  if (low === undefined) return `at most ${plural(high ?? 0, noun)}`
  return high === undefined ? `at least ${plural(low, noun)}` : `${low} to ${plural(high, noun)}`
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
