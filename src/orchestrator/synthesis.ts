import type { JsonSchema } from '../schema/json-schema.ts'
import { jsonSchemaOf } from '../schema/json-schema.ts'
import type { JsonValue } from '../util/json.ts'
import { askRole } from './ask-role.ts'
import type { TeamRun } from './team-run.ts'
import { synthesisView } from './views.ts'

/** The path of the state whose value is the answer of the run. */
const ANSWER_PATH = 'answer'

export type Synthesis = { readonly ok: true; readonly answer: JsonValue } | { readonly ok: false; readonly problem: string }

/**
 * Puts the answer together: what a task wrote to `answer`, unless that was refused before; else what the synthesizer
 * makes of the outputs; else the outputs by task.
 */
export async function synthesize(run: TeamRun): Promise<Synthesis> {
  const { spec, board } = run
  const { outputs, answer } = board.state
  const written = outputs[ANSWER_PATH]
  const role = spec.options.synthesizer
  const canWrite = role !== undefined || spec.asker.model !== undefined
  if (written !== undefined && (!canWrite || JSON.stringify(written) !== JSON.stringify(answer?.value)))
    return { ok: true, answer: written }
  if (!canWrite) return { ok: true, answer: synthesisView(board.state).outputs }
  const given = await askRole<ReturnType<typeof synthesisView>, { readonly answer: JsonValue }>(run, {
    name: 'synthesizer',
    role: typeof role === 'function' ? async (view) => ({ answer: await role(view) }) : (role as never),
    key: 'answer',
    view: synthesisView(board.state),
    schema: answerSchemaOf(run),
    framed: (output) => (isFramed(output) ? output : { answer: output }),
  })
  return given.ok ? { ok: true, answer: given.answer.answer } : given
}

function isFramed(output: JsonValue): boolean {
  return typeof output === 'object' && output !== null && 'answer' in output && Object.keys(output).length === 1
}

function answerSchemaOf({ spec }: TeamRun): JsonSchema {
  const { output } = spec.options
  // Whether it fits is looked at where every answer is; here the schema tells the model what to write.
  const { $defs, ...wanted } = output ? jsonSchemaOf(output, 'input') : {}
  return {
    type: 'object',
    properties: { answer: wanted as JsonSchema },
    required: ['answer'],
    additionalProperties: false,
    ...($defs !== undefined && { $defs }),
  }
}
