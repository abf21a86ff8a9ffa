import type { StandardSchemaV1, StandardJSONSchemaV1 } from '@standard-schema/spec'
import { jsonSchema } from '../schema/document.ts'
import { jsonSchemaOf, type JsonSchema } from '../schema/json-schema.ts'
import { parse, type Issue, type ParseResult } from '../schema/parse.ts'
import type { JsonObject, JsonValue } from '../util/json.ts'
import type { CheckedEvidence } from './evidence.ts'

/** What a task says to the member that does it, besides the words: plain data, as it may travel to another worker. */
export interface Assignment {
  readonly task: string
  readonly output?: JsonSchema
  /** Names of its own tools that it may use. */
  readonly tools?: readonly string[]
  /** Whether a result without evidence is turned down. */
  readonly needsEvidence: boolean
  /** Members that it may ask. */
  readonly colleagues: readonly string[]
  readonly mayAskUser: boolean
  /** What the orchestrator knows, for questions to it. */
  readonly brief: string
}

/** Where an assignment stands in the context of a member's run. */
export const ASSIGNMENT = 'troupeTask'

export function assignmentIn(context: JsonObject | undefined): Assignment | undefined {
  const found = context?.[ASSIGNMENT]
  return typeof found === 'object' && found !== null && !Array.isArray(found) ? (found as JsonObject & Assignment) : undefined
}

/** What a member gives for a task, evidence checked where its calls were made. */
export interface MemberReport {
  readonly type: 'member-report'
  readonly output?: JsonValue
  readonly evidence: readonly CheckedEvidence[]
  readonly anomaly?: string
  readonly notes: readonly { readonly task: string; readonly text: string }[]
  readonly handOver?: HandOver
  readonly questions: readonly { readonly question: string; readonly answer: string }[]
}

export interface HandOver {
  readonly to: string
  readonly why: string
  readonly state?: JsonValue
}

export function isMemberReport(value: unknown): value is MemberReport & JsonObject {
  return typeof value === 'object' && value !== null && 'type' in value && value.type === 'member-report'
}

const EVIDENCE: JsonSchema = {
  type: 'array',
  description: 'What the output rests on, each a word-by-word quote from something recorded.',
  items: {
    type: 'object',
    properties: {
      ref: {
        type: 'string',
        description: "Where it stands: 'TOOL#n' (the n-th call of a tool), 'step#n' (what your code of step n printed), or 'inputs.NAME'.",
      },
      quote: { type: 'string', minLength: 1, description: 'A piece of it, word by word. A number may be written in another way.' },
    },
    required: ['ref', 'quote'],
    additionalProperties: false,
  },
}

/** The schema of a member's final answer to a task: its output with evidence, or an anomaly, or who should do it instead. */
export function answerSchema(output: JsonSchema | undefined, own: StandardSchemaV1 | undefined): StandardSchemaV1 {
  const wanted = output ?? (own ? jsonSchemaOf(own, 'input') : {})
  const document: JsonSchema = {
    type: 'object',
    properties: {
      output: { ...hoisted(wanted), description: 'The result of the task.' },
      evidence: EVIDENCE,
      anomaly: {
        type: 'string',
        minLength: 1,
        description: 'Something odd that makes the task as it stands doubtful. Say what and where you saw it.',
      },
      notes: {
        type: 'array',
        description: 'Notes for later tasks.',
        items: {
          type: 'object',
          properties: { task: { type: 'string' }, text: { type: 'string' } },
          required: ['task', 'text'],
          additionalProperties: false,
        },
      },
      handOver: {
        type: 'object',
        description: 'Only when another member should do the task: who, why, and what you have so far.',
        properties: { to: { type: 'string' }, why: { type: 'string' }, state: {} },
        required: ['to', 'why'],
        additionalProperties: false,
      },
    },
    additionalProperties: false,
    ...definitionsOf(wanted),
  }
  const frame = jsonSchema({ ...document, properties: { ...(document['properties'] as JsonObject), output: {} } })
  const shown = (): Record<string, unknown> => document
  const props: StandardSchemaV1.Props & StandardJSONSchemaV1.Props = {
    version: 1,
    vendor: 'troupe',
    validate: async (value) => toResult(await checked(value, frame, output, own)),
    jsonSchema: { input: shown, output: shown },
  }
  return { '~standard': props }
}

/** Definitions that the output's schema refers to stand at the root of the document that it becomes a part of. */
function definitionsOf({ $defs, definitions }: JsonSchema): JsonObject {
  return { ...($defs !== undefined && { $defs }), ...(definitions !== undefined && { definitions }) }
}

function hoisted({ $defs: _, definitions: __, ...schema }: JsonSchema): JsonSchema {
  return schema
}

async function checked(
  value: unknown,
  frame: StandardSchemaV1,
  output: JsonSchema | undefined,
  own: StandardSchemaV1 | undefined,
): Promise<ParseResult<unknown>> {
  const framed = await parse(frame, value)
  if (!framed.ok) return framed
  const answer = framed.value as JsonObject
  if (answer['handOver'] !== undefined) return framed
  if (answer['output'] === undefined) {
    if (answer['anomaly'] !== undefined) return framed
    return { ok: false, issues: [{ path: ['output'], message: 'is required, unless there is an anomaly or you hand the task over' }] }
  }
  const fitted = await outputIssues(answer['output'], output, own)
  return fitted.ok ? { ok: true, value: { ...answer, output: fitted.value } } : { ok: false, issues: fitted.issues.map(inOutput) }
}

/** Holds an output against the task's schema and the member's own one. */
async function outputIssues(
  value: JsonValue,
  output: JsonSchema | undefined,
  own: StandardSchemaV1 | undefined,
): Promise<ParseResult<unknown>> {
  const byTask = output ? await parse(jsonSchema(output), value) : ({ ok: true, value } as const)
  if (!byTask.ok || output !== undefined || !own) return byTask
  return parse(own, value)
}

function inOutput({ path, message }: Issue): Issue {
  return { path: ['output', ...path], message }
}

function toResult(result: ParseResult<unknown>): StandardSchemaV1.Result<unknown> {
  return result.ok ? { value: result.value } : { issues: result.issues }
}
