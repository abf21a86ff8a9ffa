import type { FinishReason, ModelRequest } from '../models/model.ts'
import type { Language } from '../sandbox/sandbox.ts'
import { jsonIn } from './json-in-text.ts'

/** The code of a model's answer, or what to tell the model about why there is none. */
export type ParsedCode = { readonly ok: true; readonly code: string } | { readonly ok: false; readonly fault: string }

/** The form of an answer for models that are asked for JSON. */
export const STRUCTURED_ANSWER: NonNullable<ModelRequest['responseFormat']> = {
  type: 'json',
  name: 'step',
  description: 'One step: a short thought, and the code to run.',
  schema: {
    type: 'object',
    properties: { thought: { type: 'string' }, code: { type: 'string' } },
    required: ['thought', 'code'],
    additionalProperties: false,
  },
}

/** Longer code is not something a model means to write. */
const MAX_CODE_CHARS = 200_000

const TAGS: Readonly<Record<Language, readonly string[]>> = {
  typescript: ['', 'ts', 'typescript', 'js', 'javascript', 'tsx', 'jsx', 'mjs', 'mts', 'code'],
  python: ['', 'py', 'python', 'python3', 'code'],
}
const NAMES: Readonly<Record<Language, string>> = { typescript: 'TypeScript', python: 'Python' }
const FENCES: Readonly<Record<Language, string>> = { typescript: 'ts', python: 'python' }

/**
 * Finds the code in an answer: all fenced blocks of the agent's language, or all `<code>` blocks, joined by a blank
 * line; else the whole answer where it reads as code. A last block without its end counts as closed.
 */
export function parseCode(text: string, language: Language, finishReason: FinishReason = 'stop'): ParsedCode {
  if (text.trim() === '') return fault(`Your answer was empty.`, language)
  const structured = structuredCode(text)
  if (structured !== undefined && structured !== text) return parseStructured(structured, language, finishReason)
  const fenced = fencedBlocks(text)
  const wanted = fenced.filter(({ tag }) => TAGS[language].includes(tag))
  const tagged = taggedBlocks(text)
  const blocks = wanted.length > 0 ? wanted : tagged
  const isCutOff = finishReason === 'length' && (blocks.length === 0 || blocks.at(-1)?.closed === false)
  if (isCutOff)
    return fault(
      'Your answer was cut off at the output limit before its code was complete. Write less: shorter text, smaller steps.',
      language,
    )

  const code = blocks
    .map((block) => block.code.trim())
    .filter((block) => block !== '')
    .join('\n\n')
  if (code.length > MAX_CODE_CHARS)
    return fault(`Your code has ${code.length} characters; at most ${MAX_CODE_CHARS} are run. Write less.`, language)
  if (code !== '') return { ok: true, code }

  const other = fenced.find(({ tag }) => !TAGS[language].includes(tag))
  if (other) return fault(`Your answer has a block of '${other.tag}', which cannot be run here.`, language)
  if (looksLikeCode(text, language) && text.length <= MAX_CODE_CHARS) return { ok: true, code: text.trim() }
  return fault('Your answer has no code, so nothing was done.', language)
}

/** The `code` of an answer that is one JSON object. */
function structuredCode(text: string): string | undefined {
  if (!text.trimStart().startsWith('{')) return undefined
  const found = jsonIn(text)
  if (!found.ok || found.before !== '' || typeof found.value !== 'object' || found.value === null || !('code' in found.value))
    return undefined
  return typeof found.value.code === 'string' ? found.value.code : undefined
}

/** What stands in `code` is code, fenced or not. */
function parseStructured(code: string, language: Language, finishReason: FinishReason): ParsedCode {
  if (code.trim() === '') return fault('The `code` of your answer was empty.', language)
  if (/```|~~~|<code>/.test(code)) return parseCode(code, language, finishReason)
  if (code.length > MAX_CODE_CHARS)
    return fault(`Your code has ${code.length} characters; at most ${MAX_CODE_CHARS} are run. Write less.`, language)
  return { ok: true, code: code.trim() }
}

interface Block {
  readonly tag: string
  readonly code: string
  readonly closed: boolean
}

/** Blocks between lines of three or more backticks or tildes; the end must match the beginning. */
function fencedBlocks(text: string): Block[] {
  const blocks: Block[] = []
  let open: { fence: string; tag: string; lines: string[] } | undefined
  for (const line of text.split(/\r?\n/)) {
    const mark = /^\s*(`{3,}|~{3,})\s*([^`]*)$/.exec(line)
    const fence = mark?.[1] ?? ''
    const info = mark?.[2]?.trim() ?? ''
    if (!open) {
      if (mark) open = { fence, tag: (info.split(/[\s{]/)[0] ?? '').toLowerCase(), lines: [] }
    } else if (mark && info === '' && fence.startsWith(open.fence)) {
      blocks.push({ tag: open.tag, code: open.lines.join('\n'), closed: true })
      open = undefined
    } else {
      open.lines.push(line)
    }
  }
  if (open) blocks.push({ tag: open.tag, code: open.lines.join('\n'), closed: false })
  return blocks
}

function taggedBlocks(text: string): Block[] {
  return [...text.matchAll(/<code>([\s\S]*?)(<\/code>|$)/g)].map(([, code = '', end]) => ({ tag: '', code, closed: end !== '' }))
}

const STATEMENTS: Readonly<Record<Language, RegExp>> = {
  typescript:
    /^\s*(?:(?:const|let|var|function|async|await|for|if|return|class|try|while|interface|type)\b.*|[\w$.]+\s*\(.*|[\w$.[\]]+\s*[+\-*/]?=[^=].*)$/,
  python: /^\s*(?:(?:def|for|if|return|class|try|while|with|import|from)\b.*|[\w.]+\s*\(.*|[\w.[\]]+\s*[+\-*/]?=[^=].*)$/,
}
const SENTENCE = /^\s*(?:[-*#>]\s|\p{Lu}\p{L}*(?:,?\s+[\p{L}\p{N}'’-]+){2,}.*[.:!?]\s*$)/u

/** A guess that only ever decides between running and asking again: it must hold some statement and no sentence. */
function looksLikeCode(text: string, language: Language): boolean {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  return lines.some((line) => STATEMENTS[language].test(line)) && !lines.some((line) => SENTENCE.test(line))
}

function fault(what: string, language: Language): ParsedCode {
  const call = language === 'python' ? 'final_answer(value)' : 'finalAnswer(value)'
  const how = `Write ${NAMES[language]} in one fenced block:\n\`\`\`${FENCES[language]}\n// your code\n\`\`\`\nCall ${call} in it when you have the answer.`
  return { ok: false, fault: `${what}\n${language === 'python' ? how.replace('// your', '# your') : how}` }
}
