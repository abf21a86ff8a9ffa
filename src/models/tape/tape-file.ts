import type { LanguageModelV4Content, LanguageModelV4FinishReason, LanguageModelV4Usage } from '@ai-sdk/provider'
import { TroupeError } from '../../errors/troupe-error.ts'
import { base64Of } from '../../util/base64.ts'
import type { CallMark } from '../model.ts'
import type { CanonicalMessage } from './canonical.ts'

/** What models have answered, in the order in which they did. */
export type Tape = readonly TapeRecord[]

export interface TapeRecord {
  /** Who asked, where the call said so. */
  readonly by?: Pick<CallMark, 'agent' | 'run' | 'step'>
  readonly prompt: readonly CanonicalMessage[]
  readonly answer: TapeAnswer
}

export interface TapeAnswer {
  readonly content: readonly LanguageModelV4Content[]
  readonly finishReason: LanguageModelV4FinishReason
  readonly usage: LanguageModelV4Usage
  /** The model that gave the answer. */
  readonly modelId: string
}

/** The first line of a tape; records follow, one a line, each whole or not there at all. */
export const TAPE_HEADER = '{"troupeTape":1}'

export function tapeLine(record: TapeRecord): string {
  return JSON.stringify(record, (_key, value: unknown) => (value instanceof Uint8Array ? base64Of(value) : value))
}

/** Reads a tape. Throws `config/invalid` with the line at fault; a last line that a crash has cut short is left out. */
export function parseTape(text: string, source: string): Tape {
  const lines = text.split('\n')
  const fault = (line: number, what: string): TroupeError => new TroupeError('config/invalid', `tape ${source}, line ${line}: ${what}`)
  const header = jsonOf(lines[0] ?? '')
  if (!isObject(header) || header['troupeTape'] === undefined) throw fault(1, `is no tape: it must begin with ${TAPE_HEADER}`)
  if (header['troupeTape'] !== 1)
    throw fault(1, `is a tape of version ${JSON.stringify(header['troupeTape'])}, and this Troupe reads version 1`)
  const records: TapeRecord[] = []
  for (const [index, line] of lines.entries()) {
    if (index === 0 || line.trim() === '') continue
    const json = jsonOf(line)
    if (json === undefined && index === lines.length - 1) break
    if (!isRecord(json))
      throw fault(index + 1, 'is no record { by?, prompt: [{ role, text }], answer: { content, finishReason, usage, modelId } }')
    records.push({ ...json, answer: { ...json.answer, content: json.answer.content.map(revived) } })
  }
  return records
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

function isRecord(json: unknown): json is TapeRecord {
  if (!isObject(json) || !Array.isArray(json['prompt']) || !isObject(json['answer'])) return false
  const { content, finishReason, usage, modelId } = json['answer']
  const said = json['prompt'].every(
    (message: unknown) => isObject(message) && typeof message['role'] === 'string' && typeof message['text'] === 'string',
  )
  const counts = isObject(usage) && isObject(usage['inputTokens']) && isObject(usage['outputTokens'])
  return said && counts && Array.isArray(content) && content.every(isObject) && isObject(finishReason) && typeof modelId === 'string'
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** JSON has no URL: it was written as text. */
function revived(part: LanguageModelV4Content): LanguageModelV4Content {
  if (part.type !== 'file' && part.type !== 'reasoning-file') return part
  return part.data.type === 'url' ? { ...part, data: { ...part.data, url: new URL(part.data.url) } } : part
}
