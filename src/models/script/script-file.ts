import { TroupeError } from '../../errors/troupe-error.ts'
import type { JsonValue } from '../../util/json.ts'

/** A written conversation: what a model would say, by agent and turn. */
export type Script = readonly ScriptPart[]

export interface ScriptPart {
  /** The agent whose calls this part answers; absent: any agent that no other part names. */
  readonly agent?: string
  /** A regular expression (flags `is`) over the task, the user's messages before the first answer; the first part that matches is played. */
  readonly when?: string
  readonly turns: readonly ScriptTurn[]
}

export interface ScriptTurn {
  /** A text, or its lines. */
  readonly content?: string | readonly string[]
  readonly toolCalls?: readonly ScriptToolCall[]
  /** Default: estimated from lengths, four characters a token. */
  readonly usage?: { readonly inputTokens?: number; readonly outputTokens?: number }
  /** The turn fails, each time it is asked for: with an HTTP status as a provider would (429 and 5xx are retried), else as a refusal. */
  readonly error?: string | { readonly message: string; readonly status?: number }
  /** Waits before it answers. */
  readonly delayMs?: number
}

export interface ScriptToolCall {
  /** Default: `call_TURN_INDEX`, counted from 0. */
  readonly id?: string
  readonly name: string
  /** JSON text, or a value that is written as JSON. */
  readonly arguments?: JsonValue
}

/** Reads a script from JSON text. Throws `config/invalid` that names the place at fault; `source` is named in it. */
export function parseScript(text: string, source: string): Script {
  const fault = (where: string, what: string): TroupeError =>
    new TroupeError(
      'config/invalid',
      `script ${source}: ${where} ${what}; a script is [{ agent?, when?, turns: [{ content?, toolCalls?, usage?, error?, delayMs? }] }]`,
    )
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    throw fault('the file', `is no JSON (${error instanceof Error ? error.message : String(error)})`)
  }
  if (!Array.isArray(json)) throw fault('the file', 'holds no array')

  const check = (where: string, value: unknown, fields: Readonly<Record<string, (value: unknown) => boolean>>): void => {
    if (!isObject(value)) throw fault(where, 'is no object')
    for (const [name, field] of Object.entries(value)) {
      const fits = Object.hasOwn(fields, name) ? fields[name] : undefined
      if (!fits) throw fault(`${where}.${name}`, 'is unknown')
      if (!fits(field)) throw fault(`${where}.${name}`, 'has the wrong type')
    }
  }
  for (const [p, part] of json.entries()) {
    check(`[${p}]`, part, { agent: isText, when: isPattern, turns: Array.isArray })
    if (!part.turns) throw fault(`[${p}]`, 'has no turns')
    for (const [t, turn] of part.turns.entries()) {
      const where = `[${p}].turns[${t}]`
      check(where, turn, { content: isTextOrLines, toolCalls: Array.isArray, usage: isObject, error: isError, delayMs: isCount })
      if (turn.usage) check(`${where}.usage`, turn.usage, { inputTokens: isCount, outputTokens: isCount })
      for (const [c, call] of (turn.toolCalls ?? []).entries()) {
        check(`${where}.toolCalls[${c}]`, call, { id: isText, name: isText, arguments: () => true })
        if (!call.name) throw fault(`${where}.toolCalls[${c}]`, 'has no name')
      }
    }
  }
  return json as Script
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isText(value: unknown): boolean {
  return typeof value === 'string'
}

function isTextOrLines(value: unknown): boolean {
  return isText(value) || (Array.isArray(value) && value.every(isText))
}

function isCount(value: unknown): boolean {
  return typeof value === 'number' && value >= 0
}

function isError(value: unknown): boolean {
  return isText(value) || (isObject(value) && isText(value['message']) && (value['status'] === undefined || isCount(value['status'])))
}

function isPattern(value: unknown): boolean {
  if (typeof value !== 'string') return false
  try {
    new RegExp(value, 'is').exec('')
    return true
  } catch {
    return false
  }
}
