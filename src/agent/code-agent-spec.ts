import type { StandardSchemaV1 } from '@standard-schema/spec'
import { jsonSchemaOf } from '../schema/json-schema.ts'
import { pythonFunction } from '../schema/python.ts'
import { typescriptType } from '../schema/typescript.ts'
import type { LanguageModel } from '../models/model.ts'
import { limitsOf, type Limits } from '../sandbox/limits.ts'
import type { Language, Sandbox } from '../sandbox/sandbox.ts'
import type { AgentDefaults, CodeAgentOptions } from './agent.ts'
import { callablesOf, type Callables } from './callables.ts'
import { codeAgentPrompt } from './prompts/code-agent.prompt.ts'
import { stepCount, type StopCondition } from './stop.ts'
import type { Transcript } from './transcript.ts'

/** A code agent with every option settled: what its loop reads. */
export interface CodeAgentSpec {
  readonly name: string
  readonly language: Language
  readonly model: LanguageModel | undefined
  readonly callables: Callables
  readonly limits: Limits
  readonly maxSteps: number
  readonly output?: StandardSchemaV1
  sandbox(): Promise<Sandbox>
  systemPrompt(maxSteps: number): string
  /** Why the run must stop before its next step, if it must. */
  stopReason(transcript: Transcript, maxSteps: number): string | undefined
}

export const DEFAULT_MAX_STEPS = 20

export type CodeAgentSettings = CodeAgentOptions<StandardSchemaV1 | undefined>

/** The light sandbox of a language, for agents that name none. */
export type DefaultSandbox = (language: Language) => Promise<Sandbox>

/** Settles options and defaults. Nothing is computed from schemas here: agents are made far more often than run. */
export function codeAgentSpec(options: CodeAgentSettings, defaults: AgentDefaults, defaultSandbox: DefaultSandbox): CodeAgentSpec {
  const language = options.language ?? 'typescript'
  const callables = callablesOf(options.name, options.tools ?? [], options.agents ?? [], language)
  const sandbox = options.sandbox ?? defaults.sandbox
  return {
    name: options.name,
    language,
    model: options.model ?? defaults.model,
    callables,
    limits: limitsOf({ ...defaults.limits, ...options.limits }),
    maxSteps: options.maxSteps ?? DEFAULT_MAX_STEPS,
    ...(options.output && { output: options.output }),
    sandbox: () => (sandbox ? Promise.resolve(sandbox) : defaultSandbox(language)),
    systemPrompt: (maxSteps) =>
      codeAgentPrompt({
        name: options.name,
        language,
        declarations: callables.declarations(),
        maxSteps,
        ...(options.output && { outputType: outputTypeOf(options.output, language) }),
        ...(options.instructions !== undefined && { instructions: options.instructions }),
      }),
    stopReason: (transcript, maxSteps) => firstReason([stepCount(maxSteps), ...conditionsOf(options.stopWhen)], transcript),
  }
}

function outputTypeOf(output: StandardSchemaV1, language: Language): string {
  const schema = jsonSchemaOf(output, 'input', 'code')
  if (language === 'python') {
    const input = { type: 'object', properties: { value: schema }, required: ['value'] }
    return pythonFunction({ name: 'final_answer', description: 'Ends the run with the answer.', input })
  }
  const { text, declarations } = typescriptType(schema, { prefix: 'Answer' })
  return [...declarations, `declare function finalAnswer(value: ${text}): never`].join('\n')
}

function conditionsOf(stopWhen: StopCondition | readonly StopCondition[] | undefined): readonly StopCondition[] {
  if (stopWhen === undefined) return []
  return typeof stopWhen === 'function' ? [stopWhen] : stopWhen
}

function firstReason(conditions: readonly StopCondition[], transcript: Transcript): string | undefined {
  for (const condition of conditions) {
    const reason = condition(transcript)
    if (reason !== undefined) return reason
  }
  return undefined
}
