import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { RunInput } from '../client/entry.ts'
import type { RunContext } from '../engine/context.ts'
import type { LanguageModel, ModelReply, ModelRequest } from '../models/model.ts'
import type { AgentDefaults, AnyAgentOptions, Check } from './agent.ts'
import type { JsonObject } from '../util/json.ts'
import type { PriceTable } from '../models/price.ts'
import type { Hooks } from './hooks.ts'
import { promptsOf, type PromptTemplates } from './prompts/prompts.ts'
import { stepCount, type StopCondition } from './stop.ts'
import type { Step, Transcript } from './transcript.ts'

const DEFAULT_MAX_STEPS = 20

/** An agent with every option settled: what the loop reads. How it acts is its kind's `open`. */
export interface AgentSpec {
  readonly name: string
  readonly model: LanguageModel | undefined
  readonly maxSteps: number
  readonly maxOutputTokens: number | undefined
  readonly prices: PriceTable
  readonly planEvery: number | undefined
  readonly output: StandardSchemaV1 | undefined
  readonly checks: readonly Check[]
  readonly hooks: Hooks
  readonly reportSteps: boolean
  readonly prompts: PromptTemplates
  systemPrompt(maxSteps: number): string
  /** Why the run must stop before its next step, if it must. */
  stopReason(transcript: Transcript, maxSteps: number): string | undefined
  /** Gets ready to act in one activation of a run; `past` is what the session's earlier runs were asked. */
  open(input: RunInput, ctx: RunContext, past: readonly RunInput[]): Promise<Actor>
}

/** The acting half of an agent: turns the model's answer into a step. */
export interface Actor {
  /** What goes with each question besides the prompt, such as declarations of tools. */
  readonly request: Pick<ModelRequest, 'tools' | 'toolChoice' | 'responseFormat'>
  /** Text on the caller's values, for the task's message. */
  contextText(context: JsonObject): string
  act(ctx: RunContext, transcript: Transcript, step: number, reply: ModelReply): Promise<Turn>
  /** Lets go of what earlier runs of the session have left behind, words excepted. */
  startFresh(): Promise<void>
}

/** What one answer of the model led to. */
export interface Turn {
  readonly taken: Step
  /** The final answer as tagged JSON text, not checked yet. */
  readonly answer?: string
}

/** The part of a spec that all kinds of agents settle alike. Computes nothing from schemas: agents are made far more often than run. */
export function commonSpec(options: AnyAgentOptions, defaults: AgentDefaults): Omit<AgentSpec, 'systemPrompt' | 'open'> {
  const conditions = conditionsOf(options.stopWhen)
  const model = options.model ?? defaults.model
  return {
    name: options.name,
    model: model && defaults.wrapModel ? defaults.wrapModel(model) : model,
    maxSteps: options.maxSteps ?? DEFAULT_MAX_STEPS,
    maxOutputTokens: options.maxOutputTokens,
    prices: { ...defaults.prices, ...options.prices },
    planEvery: options.planEvery,
    output: options.output,
    // Each check gets only answers that its agent's own schema has passed: that is what its parameter is typed by.
    checks: (options.checks ?? []) as readonly Check[],
    hooks: options.hooks ?? {},
    reportSteps: options.reportSteps ?? false,
    prompts: promptsOf(options.prompts),
    stopReason: (transcript, maxSteps) => firstReason([stepCount(maxSteps), ...conditions], transcript),
  }
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
