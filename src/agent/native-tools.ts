import type { LanguageModelV4FunctionTool } from '@ai-sdk/provider'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { TroupeError } from '../errors/troupe-error.ts'
import type { RequestedToolCall } from '../models/model.ts'
import { jsonSchemaOf } from '../schema/json-schema.ts'
import { functionDeclaration } from '../tools/declare.ts'
import { encode } from '../util/codec.ts'
import type { JsonObject, JsonValue } from '../util/json.ts'
import type { Callables } from './callables.ts'
import { jsonIn } from './json-in-text.ts'

/** The call that ends a tool agent's run; its one argument is the answer. */
export const FINAL_ANSWER = 'finalAnswer'

/** Tools, managed agents and the final answer as a model's native function calling wants them. Throws `schema/unsupported`. */
export function nativeTools(callables: Callables, output: StandardSchemaV1 | undefined): readonly LanguageModelV4FunctionTool[] {
  const answer = output ? jsonSchemaOf(output, 'input') : {}
  return [
    ...callables.tools.map((tool) => declared(functionDeclaration(tool))),
    ...callables.agents.map((agent) =>
      declared({ name: agent.name, description: `Agent of your team. ${agent.description}`, inputSchema: AGENT_INPUT }),
    ),
    declared({
      name: FINAL_ANSWER,
      description: 'Ends the run with the answer. Call it alone, when the answer is known.',
      inputSchema: { type: 'object', properties: { answer }, required: ['answer'], additionalProperties: false },
    }),
  ]
}

const AGENT_INPUT: JsonObject = {
  type: 'object',
  properties: {
    task: { type: 'string', description: 'All that the agent needs to know.' },
    context: { type: 'object', description: 'JSON values that it can read.' },
  },
  required: ['task'],
}

function declared({
  name,
  description,
  inputSchema,
}: {
  name: string
  description: string
  inputSchema: JsonObject
}): LanguageModelV4FunctionTool {
  return { type: 'function', name, description, inputSchema }
}

/** The answer that a model gave, as tagged JSON text: the `answer` of its arguments, or a whole JSON value. */
export function finalAnswerIn(
  text: string,
): { readonly ok: true; readonly value: string } | { readonly ok: false; readonly error: TroupeError } {
  const found = jsonIn(text)
  if (!found.ok)
    return { ok: false, error: new TroupeError('tool/arguments', `the arguments of ${FINAL_ANSWER} are no JSON: ${found.problem}`) }
  const { value } = found
  const isWrapped =
    typeof value === 'object' && value !== null && !Array.isArray(value) && 'answer' in value && Object.keys(value).length === 1
  const answer = isWrapped ? (value as { answer: JsonValue }).answer : value
  return { ok: true, value: encode(answer) }
}

/**
 * Calls that a model without native function calling wrote as JSON in its text: `{ "name": …, "arguments": … }`, one or
 * a list. Text with no such JSON has no calls; JSON that is meant as a call and cannot be read is the model's fault.
 */
export function callsInText(
  text: string,
  callables: Callables,
): { readonly ok: true; readonly calls: readonly RequestedToolCall[] } | { readonly ok: false; readonly fault: string } {
  const found = jsonIn(text)
  if (!found.ok) {
    if (!/["'](?:name|tool|function)["']\s*:/.test(text)) return { ok: true, calls: [] }
    return { ok: false, fault: `The JSON of your tool call cannot be read: ${found.problem}. Write { "name": "…", "arguments": { … } }.` }
  }
  const known = new Set([...callables.names, FINAL_ANSWER])
  const calls = [found.value].flat().map(asCall)
  // `{ "name": …, "input": … }` may as well be an answer; it is a call only where the name is one that can be called.
  const areCalls = calls.length > 0 && calls.every((call) => call !== null && (call.isPlain || known.has(call.name)))
  if (!areCalls) return { ok: true, calls: [] }
  return {
    ok: true,
    calls: calls.flatMap((call, i) => (call ? [{ id: `text_${i + 1}`, name: call.name, input: JSON.stringify(call.arguments) }] : [])),
  }
}

function asCall(value: JsonValue): { readonly name: string; readonly arguments: JsonValue; readonly isPlain: boolean } | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
  const object = value as JsonObject
  const inner = object.function
  const source = typeof inner === 'object' && inner !== null && !Array.isArray(inner) ? (inner as JsonObject) : object
  const name = source.name ?? source.tool
  const args = source.arguments ?? source.parameters ?? source.input
  if (typeof name !== 'string' || args === undefined) return null
  return { name, arguments: typeof args === 'string' ? parsed(args) : args, isPlain: source.arguments !== undefined }
}

function parsed(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue
  } catch {
    return text
  }
}
