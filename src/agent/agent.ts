import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { BudgetLimits } from '../engine/budget.ts'
import type { AgentRef, Placement } from '../engine/context.ts'
import type { Run } from '../engine/run.ts'
import type { RunOptions } from '../engine/runtime.ts'
import type { LanguageModel } from '../models/model.ts'
import type { PriceTable } from '../models/price.ts'
import type { Limits } from '../sandbox/limits.ts'
import type { Isolation, Language, Sandbox } from '../sandbox/sandbox.ts'
import type { AnyTool } from '../tools/tool.ts'
import type { Hooks } from './hooks.ts'
import type { PromptOverrides } from './prompts/prompts.ts'
import type { StopCondition } from './stop.ts'
import type { Transcript } from './transcript.ts'

/** Options that all kinds of agents share. */
export interface AgentOptions<Output extends StandardSchemaV1 | undefined, Name extends string = string> {
  /** `/^[A-Za-z][A-Za-z0-9_]{0,63}$/`, no reserved word; what logs, events and calling agents know it by. */
  readonly name: Name
  /** What the agent is for: shown to agents that may call it. */
  readonly description: string
  /** Recorded with each run. Default `0.0.0`. */
  readonly version?: string
  /** Added to the system prompt. */
  readonly instructions?: string
  /** Texts of one's own in place of ours, each a function of typed variables. */
  readonly prompts?: PromptOverrides
  /** Without one, the model of the runtime's or the caller's configuration. */
  readonly model?: LanguageModel
  readonly tools?: readonly AnyTool[]
  /** Agents that this one may call as functions. */
  readonly agents?: readonly Agent[]
  /** What the final answer must fit; an answer that does not goes back to the model. */
  readonly output?: Output
  /** Steps before the run ends with status `limit`. Default 20; 0 allows none. */
  readonly maxSteps?: number
  /** Further reasons to stop; the first that holds ends the run with status `limit`. */
  readonly stopWhen?: StopCondition | readonly StopCondition[]
  /** Held against each final answer that fits `output`; what one complains about goes back to the model. */
  readonly checks?: readonly Check<OutputOf<Output>>[]
  /** Make a plan before the first step, and bring it up to date every so many steps. Default: never. */
  readonly planEvery?: number
  /** Caps on each run and all agents that it calls, together. */
  readonly budget?: BudgetLimits
  /** Prices of models that the built-in table does not know, or knows wrongly; USD per million tokens, by model id. */
  readonly prices?: PriceTable
  /** What one answer of the model may have at most. Default: 8,192 in a budget, else the provider's. */
  readonly maxOutputTokens?: number
  readonly hooks?: Hooks
  /** As a managed agent: give the caller `{ answer, summary }`, with what was done in each step, instead of the answer alone. */
  readonly reportSteps?: boolean
}

/** The options of an agent of any output. */
export type AnyAgentOptions<Options extends AgentOptions<StandardSchemaV1 | undefined> = AgentOptions<StandardSchemaV1 | undefined>> = Omit<
  Options,
  'checks'
> & {
  readonly checks?: readonly Check<never>[]
}

/** Gives true (or nothing) when an answer passes, or says what is wrong with it. May be asynchronous; throwing is failing. */
export type Check<Output = unknown> = (answer: Output, transcript: Transcript) => CheckVerdict | Promise<CheckVerdict>

export type CheckVerdict = boolean | string | void

/** Options of an agent that acts by calling tools natively. */
export type ToolAgentOptions<Output extends StandardSchemaV1 | undefined, Name extends string = string> = AgentOptions<Output, Name>

/** Options of an agent that acts by writing code. */
export interface CodeAgentOptions<Output extends StandardSchemaV1 | undefined, Name extends string = string> extends AgentOptions<
  Output,
  Name
> {
  /** What the model writes. Default `typescript`. */
  readonly language?: Language
  /** Where its code runs. Default: the light sandbox of the language. Never the host. */
  readonly sandbox?: Sandbox
  /** A run whose sandbox gives less does not start: `sandbox/unavailable`. The strongest of all demands counts. */
  readonly minimumIsolation?: Isolation
  /** Caps on each step of code; what is not named keeps its default. */
  readonly limits?: Partial<Limits>
  /** Ask the model for JSON `{ thought, code }` instead of text with a fenced block. For models that keep to schemas better. */
  readonly structured?: boolean
}

/** What an agent takes from where it runs, for options that it does not name itself. */
export interface AgentDefaults {
  readonly prices?: PriceTable
  readonly model?: LanguageModel
  readonly sandbox?: Sandbox
  readonly minimumIsolation?: Isolation
  readonly limits?: Partial<Limits>
  /** Where agents run that `remote` has named, such as `remoteAgents({ … }).placement`. */
  readonly remote?: Placement
  /** Put around the model that each agent asks, its own too: to record answers, or to replay them. Given twice, both are, the first one inside. */
  readonly wrapModel?: (model: LanguageModel) => LanguageModel
}

/**
 * An agent: immutable, without the state of any run, so any number of runs may go on at once. Run it alone on the
 * process's memory with `run`, or durably with `runtime.run(agent, task)`.
 */
export interface Agent<Output = unknown, Name extends string = string> extends AgentRef<Output> {
  readonly name: Name
  readonly kind: 'code' | 'tool' | 'team'
  readonly description: string
  /** Those it may call as functions. */
  readonly agents: readonly Agent[]
  /** Starts a run in this process's memory; its log is dropped at its end. */
  run(task: string, options?: RunOptions): Run<Output>
  /** The same agent, and the agents it may call, with defaults for what they leave open. */
  withDefaults(defaults: AgentDefaults): Agent<Output, Name>
  /** Names of its own tools, where it has a list of them. */
  readonly toolNames?: readonly string[]
  /** The same agent for one task of a team; absent where an agent cannot be changed. */
  fitted?(fit: AgentFit): Agent
}

/** What a team changes of a member for one task. */
export interface AgentFit {
  /** What it must answer; `own` is the schema that it has by itself. */
  output(own: StandardSchemaV1 | undefined): StandardSchemaV1
  /** The part of such an answer that the agent's own checks are meant for. */
  answerOf(answer: unknown): unknown
  /** Those of its own tools that it may use. Absent: all. */
  readonly tools?: readonly string[]
  /** Agents that it may call besides its own. */
  readonly agents: readonly Agent[]
}

/** The type that an agent's output has, by its schema. */
export type OutputOf<Output extends StandardSchemaV1 | undefined> = Output extends StandardSchemaV1
  ? StandardSchemaV1.InferOutput<Output>
  : unknown
