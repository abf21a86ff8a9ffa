/**
 * The root door: what users of the library import, and where the parts are put together with defaults that load when
 * they are first needed.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Agent, CodeAgentOptions, OutputOf, ToolAgentOptions } from './agent/agent.ts'
import { createCodeAgent, createToolAgent, type AgentHost } from './agent/create-agent.ts'
import { memory } from './engine/memory/memory.ts'
import { Runtime } from './engine/runtime.ts'
import type { Admission, QueueLimits } from './engine/queue.ts'
import type { TenantBudgets } from './engine/shared-budget.ts'
import type { LanguageModel } from './models/model.ts'
import type { PriceTable } from './models/price.ts'
import type { Limits } from './sandbox/limits.ts'
import type { TeamOptions } from './orchestrator/options.ts'
import { plannerCoderReviewerTeam, type PlannerCoderReviewerOptions } from './orchestrator/patterns/planner-coder-reviewer.ts'
import { mapReduceTeam, type MapReduceOptions } from './orchestrator/patterns/map-reduce.ts'
import { debateTeam, type DebateOptions } from './orchestrator/patterns/debate.ts'
import { supervisorTeam, type SupervisorOptions } from './orchestrator/patterns/supervisor.ts'
import { planAndExecuteTeam, type PlanAndExecuteOptions } from './orchestrator/patterns/plan-and-execute.ts'
import { createTeam } from './orchestrator/team.ts'
import type { Isolation, Language, Sandbox } from './sandbox/sandbox.ts'
import type { AnyTool } from './tools/tool.ts'

let runtime: Runtime | undefined
const sandboxes = new Map<Language, Promise<Sandbox>>()

/** What an agent runs on that is started without a runtime and names no sandbox. */
const host: AgentHost = {
  runtime: () => (runtime ??= memoryRuntime()),
  sandbox: (language) => {
    const sandbox = sandboxes.get(language) ?? lightSandbox(language)
    sandboxes.set(language, sandbox)
    return sandbox
  },
}

function memoryRuntime(): Runtime {
  const engine = memory()
  return new Runtime(engine.store, { engine, dropAtEnd: true })
}

async function lightSandbox(language: Language): Promise<Sandbox> {
  return language === 'typescript'
    ? (await import('./sandbox/quickjs/quickjs.ts')).quickjs()
    : (await import('./sandbox/monty/monty.ts')).monty()
}

/**
 * An agent that acts by writing code: in each step it writes a program against its tools, which runs in a sandbox.
 * Throws `tool/bad-name`, `tool/name-clash` and `config/invalid`; starts nothing.
 */
export function codeAgent<Output extends StandardSchemaV1 | undefined = undefined, const Name extends string = string>(
  options: CodeAgentOptions<Output, Name>,
): Agent<OutputOf<Output>, Name> {
  return createCodeAgent(host, options)
}

/**
 * An agent that acts by calling tools natively. It ends when the model answers without a call, calls `finalAnswer`, or
 * fills `output`. Throws `tool/bad-name`, `tool/name-clash` and `config/invalid`; starts nothing.
 */
export function toolAgent<Output extends StandardSchemaV1 | undefined = undefined, const Name extends string = string>(
  options: ToolAgentOptions<Output, Name>,
): Agent<OutputOf<Output>, Name> {
  return createToolAgent(host, options)
}

/**
 * Agents under an orchestrator: a plan of tasks that code has checked, each given to one member, results held against
 * evidence and a reviewer, and one answer. Throws `tool/bad-name`, `tool/name-clash` and `config/invalid`; starts nothing.
 */
export function team<
  const Members extends readonly Agent[],
  Output extends StandardSchemaV1 | undefined = undefined,
  const Name extends string = string,
>(options: TeamOptions<Members, Output, Name>): Agent<OutputOf<Output>, Name> {
  return createTeam(host, options)
}

/** One plans, one does the work, one holds it against the goal, until it stands or a cap is met. A team; throws as `team` does. */
export function plannerCoderReviewer<Output extends StandardSchemaV1 | undefined = undefined, const Name extends string = string>(
  options: PlannerCoderReviewerOptions<Output, Name>,
): Agent<OutputOf<Output>, Name> {
  return createTeam(host, plannerCoderReviewerTeam(options))
}

/** Each item is a task of its own, all at once; one member puts what they gave together. A team; throws as `team` does. */
export function mapReduce<Output extends StandardSchemaV1 | undefined = undefined, const Name extends string = string>(
  options: MapReduceOptions<Output, Name>,
): Agent<OutputOf<Output>, Name> {
  return createTeam(host, mapReduceTeam(options))
}

/** Several answer the same question, read each other and answer again; a judge decides. A team; throws as `team` does. */
export function debate<Output extends StandardSchemaV1 | undefined = undefined, const Name extends string = string>(
  options: DebateOptions<Output, Name>,
): Agent<OutputOf<Output>, Name> {
  return createTeam(host, debateTeam(options))
}

/** One supervisor picks a member; members hand over to each other until one has the answer. A team; throws as `team` does. */
export function supervisor<Output extends StandardSchemaV1 | undefined = undefined, const Name extends string = string>(
  options: SupervisorOptions<Output, Name>,
): Agent<OutputOf<Output>, Name> {
  return createTeam(host, supervisorTeam(options))
}

/** A plan is made, carried out step by step, and changed by what comes of it. A team; throws as `team` does. */
export function planAndExecute<Output extends StandardSchemaV1 | undefined = undefined, const Name extends string = string>(
  options: PlanAndExecuteOptions<Output, Name>,
): Agent<OutputOf<Output>, Name> {
  return createTeam(host, planAndExecuteTeam(options))
}

/** What the product is configured with: the default export of `troupe.config.ts`. */
export interface TroupeConfig {
  /** A model, or an id that `resolveModel` takes; for agents that name none. */
  readonly model?: LanguageModel | string
  /** By the name that `--agent` takes. */
  readonly agents?: Readonly<Record<string, Agent>>
  /** For the default agent, when no agent is configured. */
  readonly tools?: readonly AnyTool[]
  /** `memory:`, `sqlite:PATH` or `postgres://…`. Default `sqlite:.troupe/troupe.db`. */
  readonly store?: string
  /** A sandbox, or its name; for agents that name none. */
  readonly sandbox?: Sandbox | string
  /** No agent's code runs in anything weaker: such a run ends with `sandbox/unavailable` before it does anything. */
  readonly minimumIsolation?: Isolation
  readonly limits?: Partial<Limits>
  /** Prices of models that the built-in table does not know; USD per million tokens, by model id. */
  readonly prices?: PriceTable
  /** Of runs that wait for a worker; see `troupe worker`. */
  readonly queue?: QueueConfig
  /** What the runs of a tenant may use together, a day and a month. */
  readonly tenantBudgets?: TenantBudgets
  /**
   * At least 32 random characters that seal snapshots of waiting runs. Default: the variable TROUPE_SNAPSHOT_KEY, else for a SQLite store a
   * file beside it that only its owner can read. False: no snapshots.
   */
  readonly snapshotKey?: string | false
  /** A RabbitMQ: what `troupe worker` takes from it and gives to it, and where agents are that `remote` names. */
  readonly amqp?: AmqpConfig
}

/** Nothing but what is named here is done. Needs the package `amqplib`. */
export interface AmqpConfig {
  /** `amqp://user:password@host:port/vhost`, or `amqps:`. Default: the variable TROUPE_AMQP_URL. */
  readonly url?: string
  /** Names this store to agents elsewhere, one name a store: letters, digits, `_` and `-`. Needed by `remote` and by `results`. */
  readonly store?: string
  /** Tasks become runs of this store: from `troupe.tasks`, or another `queue`; at most `prefetch` (default 10) are in hand. */
  readonly tasks?: true | { readonly queue?: string; readonly prefetch?: number }
  /** Agents that run here for callers in other stores: as `--agent` names them, or the names of agents that those call. */
  readonly serve?: readonly string[]
  /** Results of agents elsewhere are brought to the runs of this store that wait for them. */
  readonly results?: true
  /**
   * Events of all runs are published, by one worker of a store: to the topic exchange `troupe.events`, or another `exchange`. The file `cursor` keeps
   * how far; default beside a SQLite store, `PATH.events`. PostgreSQL has no default.
   */
  readonly events?: true | { readonly exchange?: string; readonly cursor?: string; readonly pollMs?: number }
}

export interface QueueConfig {
  /** How many runs may be queued before new ones are refused. Default 10,000 in the whole store. */
  readonly admission?: Admission
  /** Who may run how much at once. */
  readonly limits?: QueueLimits
  /** Before a run that broke is taken again: `baseMs * 2 ** (attempt - 1)`, at most `maxMs`. Default 500 and 60,000. */
  readonly backoff?: { readonly baseMs: number; readonly maxMs: number }
}

/** The identity function: gives a configuration its type. */
export function defineConfig(config: TroupeConfig): TroupeConfig {
  return config
}

export { queued } from './agent/placed.ts'
export { remote } from './agent/remote.ts'
export { costAbove, stepCount } from './agent/stop.ts'
export { openRuntime } from './engine/runtime.ts'
export { TroupeError } from './errors/troupe-error.ts'
export { member } from './orchestrator/member.ts'
export { image, imageSchema } from './tools/image.ts'
export { tool } from './tools/tool.ts'

export type { Agent, AgentDefaults, AgentOptions, Check, CheckVerdict, CodeAgentOptions, ToolAgentOptions } from './agent/agent.ts'
export type { PromptOverrides, PromptTemplates } from './agent/prompts/prompts.ts'
export type { Hooks, ModelCall, ToolCall, ToolVerdict } from './agent/hooks.ts'
export type { StopCondition } from './agent/stop.ts'
export type { Step, Transcript } from './agent/transcript.ts'
export type { EventOf, EventType, RunEvent } from './client/event.ts'
export type { Usage } from './client/usage.ts'
export type { BudgetLimits } from './engine/budget.ts'
export type { EngineAdapter } from './engine/engine.ts'
export type { Run, RunResult, RunView, WaitingResult } from './engine/run.ts'
export type { Admission, QueueLimits, Rate } from './engine/queue.ts'
export type { Decision, QueueOptions, ResumeOptions, RunOptions, Runtime, RuntimeOptions } from './engine/runtime.ts'
export type { TenantBudget, TenantBudgets } from './engine/shared-budget.ts'
export type { RuntimeWorker, WorkOptions } from './engine/worker.ts'
export type { ErrorCode } from './errors/codes.ts'
export type { LanguageModel } from './models/model.ts'
export type { Limits } from './sandbox/limits.ts'
export type { ApprovalPoint, Finding, Planning, Review, Role, Route, TeamOptions } from './orchestrator/options.ts'
export type { PlannerCoderReviewerOptions } from './orchestrator/patterns/planner-coder-reviewer.ts'
export type { MapReduceOptions } from './orchestrator/patterns/map-reduce.ts'
export type { DebateOptions } from './orchestrator/patterns/debate.ts'
export type { SupervisorOptions } from './orchestrator/patterns/supervisor.ts'
export type { PlanAndExecuteOptions } from './orchestrator/patterns/plan-and-execute.ts'
export type { Plan, PlanChanges, PlannedTask } from './orchestrator/plan.ts'
export type { ArchitectView, InvestigatorView, ReviewView, RouterView, SynthesisView } from './orchestrator/views.ts'
export type { Isolation, Language, Sandbox } from './sandbox/sandbox.ts'
export type { Image, ImageType } from './tools/image.ts'
export type { AnyTool, Tool, ToolContext, ToolEffect, ToolOptions } from './tools/tool.ts'
