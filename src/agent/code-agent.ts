import type { RunInput } from '../client/entry.ts'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { RunContext } from '../engine/context.ts'
import { TroupeError } from '../errors/troupe-error.ts'
import type { ModelReply } from '../models/model.ts'
import { limitsOf, type Limits } from '../sandbox/limits.ts'
import { isAtLeast, strongerOf } from '../sandbox/isolation.ts'
import type { Isolation, Language, Sandbox } from '../sandbox/sandbox.ts'
import { jsonSchemaOf } from '../schema/json-schema.ts'
import { pythonFunction } from '../schema/python.ts'
import { typescriptType } from '../schema/typescript.ts'
import type { AgentDefaults, AnyAgentOptions, CodeAgentOptions } from './agent.ts'
import { callablesOf, type Callables } from './callables.ts'
import { observedImages } from './images.ts'
import { describeError, observationOf } from './observation.ts'
import { parseCode, STRUCTURED_ANSWER } from './parse-code.ts'
import { contextPrompt } from './prompts/context.prompt.ts'
import { runCode, type CodeRunner } from './run-code.ts'
import { RunSession } from './sessions.ts'
import type { JsonObject } from '../util/json.ts'
import { commonSpec, type Actor, type AgentSpec, type Turn } from './spec.ts'

/** The light sandbox of a language, for agents that name none. */
export type DefaultSandbox = (language: Language) => Promise<Sandbox>

type AnyCodeAgentOptions = AnyAgentOptions<CodeAgentOptions<StandardSchemaV1 | undefined>>

/** Settles the options of an agent that acts by writing code. Throws `tool/name-clash`. */
export function codeAgentSpec(options: AnyCodeAgentOptions, defaults: AgentDefaults, defaultSandbox: DefaultSandbox): AgentSpec {
  const language = options.language ?? 'typescript'
  const common = commonSpec(options, defaults)
  const callables = callablesOf(options.name, options.tools ?? [], options.agents ?? [], language, common.hooks)
  const limits = limitsOf({ ...defaults.limits, ...options.limits })
  const named = options.sandbox ?? defaults.sandbox
  const minimumIsolation = strongerOf(options.minimumIsolation, defaults.minimumIsolation)
  let place = named
  const sandbox = async (): Promise<Sandbox> => (place ??= await defaultSandbox(language))
  return {
    ...common,
    systemPrompt: (maxSteps) =>
      common.prompts.codeAgent({
        name: options.name,
        language,
        declarations: callables.declarations(),
        maxSteps,
        ...(options.output && { finalAnswer: declareFinalAnswer(options.output, language) }),
        isStructured: options.structured ?? false,
        // A run opens its actor before it asks for this: the sandbox is known by then.
        notes: place?.notes?.[language] ?? [],
        ...(options.instructions !== undefined && { instructions: options.instructions }),
      }),
    open: (input, ctx, past) =>
      openCodeActor(
        { name: options.name, language, callables, limits, sandbox, minimumIsolation, isStructured: options.structured ?? false },
        input,
        ctx,
        past,
      ),
  }
}

interface CodeActorOptions {
  readonly name: string
  readonly language: Language
  readonly callables: Callables
  readonly limits: Limits
  readonly isStructured: boolean
  readonly minimumIsolation: Isolation | undefined
  sandbox(): Promise<Sandbox>
}

async function openCodeActor(options: CodeActorOptions, input: RunInput, ctx: RunContext, past: readonly RunInput[]): Promise<Actor> {
  const { name, language, callables, limits, sandbox, minimumIsolation, isStructured } = options
  const place = await ctx.during(sandbox)
  if (!place.languages.includes(language)) {
    throw new TroupeError('sandbox/unavailable', `agent ${name} writes ${language}, which sandbox ${place.name} does not run`)
  }
  const { isolation } = place.capabilities
  if (minimumIsolation && !isAtLeast(isolation, minimumIsolation)) {
    throw new TroupeError(
      'sandbox/unavailable',
      `agent ${name} must run its code in a sandbox of the isolation ${minimumIsolation} or stronger, and sandbox ${place.name} gives ${isolation}. Name another: bubblewrap (namespace), container or gvisor`,
    )
  }
  await ctx.during(async () => place.check?.(language))
  // Code of earlier runs is run again in this session, so it needs their values as well.
  const context: JsonObject = Object.assign({}, ...past.map((run) => run.context), input.context)
  callables.checkContext(Object.keys(context))
  const session = new RunSession(ctx, { sandbox: place, language, limits, tools: callables.guestFunctions, context })
  const runner = { agent: name, session, callables, isolation, answerBytes: limits.answerBytes }
  const request = isStructured ? { responseFormat: STRUCTURED_ANSWER } : {}
  return {
    request,
    contextText: contextPrompt,
    act: (at, _transcript, step, reply) => actByCode({ ...runner, ctx: at, isPast: at !== ctx }, step, reply),
    startFresh: () => session.forget(),
  }
}

async function actByCode(runner: CodeRunner, step: number, reply: ModelReply): Promise<Turn> {
  const { ctx, isolation, callables, session } = runner
  const parsed = parseCode(reply.text, callables.language, reply.finishReason)
  if (!parsed.ok) return { taken: { type: 'fault', step, reply, fault: parsed.fault } }

  const { code } = parsed
  await ctx.emit(`${step}.code`, 'code', { step, language: callables.language, code, isolation })
  const { execution, prints } = await runCode(runner, { ctx, step, code })
  const written = observationOf(execution, prints, callables.language)
  const { text: observation, images } = await observedImages(written, execution, [...session.steps, { ctx, step, code }])
  const taken = { type: 'code', step, reply, code, observation, ...(images.length > 0 && { images }) } as const
  if (execution.type === 'final-answer') return { taken, answer: execution.value }
  if (execution.type === 'error') return { taken: { ...taken, error: describeError(execution.error) } }
  return { taken }
}

function declareFinalAnswer(output: StandardSchemaV1, language: Language): string {
  const schema = jsonSchemaOf(output, 'input', 'code')
  if (language === 'python') {
    const input = { type: 'object', properties: { value: schema }, required: ['value'] }
    return pythonFunction({ name: 'final_answer', description: 'Ends the run with the answer.', input })
  }
  const { text, declarations } = typescriptType(schema, { prefix: 'Answer' })
  return [...declarations, `declare function finalAnswer(value: ${text}): never`].join('\n')
}
