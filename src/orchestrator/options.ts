import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Agent, Check, OutputOf } from '../agent/agent.ts'
import type { BudgetLimits } from '../engine/budget.ts'
import type { LanguageModel } from '../models/model.ts'
import type { PriceTable } from '../models/price.ts'
import type { JsonValue } from '../util/json.ts'
import type { Plan, PlanChanges } from './plan.ts'
import type { RunState } from './run-machine.ts'
import type { ArchitectView, InvestigatorView, ReviewView, RouterView, SynthesisView } from './views.ts'

/** What a router decides. */
export type Route<Name extends string = string> =
  | { readonly type: 'direct'; readonly answer: JsonValue }
  | { readonly type: 'member'; readonly member: Name; readonly why?: string }
  | { readonly type: 'delegate'; readonly why?: string }
  | { readonly type: 'ask'; readonly question: string }

/** What an architect answers: a plan at first, changes later, that nothing is left to do, or a question to the user. */
export type Planning<Name extends string = string> = Plan<Name> | PlanChanges<Name> | { readonly done: true } | { readonly ask: string }

/** What a reviewer says of an output. */
export interface Review {
  readonly verdict: 'ok' | 'defect' | 'anomaly'
  readonly reasons?: readonly string[]
}

/** What an investigator found, and whether the task can be done now. */
export interface Finding<Name extends string = string> {
  readonly finding: string
  readonly next: 'retry' | 'abandon'
  readonly changes?: PlanChanges<Name>
}

/**
 * A role: an agent that answers with JSON, or a rule. A rule is an effect: it runs once, and its answer is logged. The code
 * of a code agent has what it is shown as the value `view`.
 */
export type Role<View, Answer> = Agent | ((view: View) => Answer | Promise<Answer>)

/** When a person has to agree before a team goes on. */
export type ApprovalPoint =
  /** Before the run enters this state. */
  | { readonly type: 'state'; readonly state: Extract<RunState, 'working' | 'synthesizing' | 'done'> }
  /** Before each task that may use this tool. */
  | { readonly type: 'tool'; readonly tool: string }
  /** Before the first task that starts when the models have cost this much. */
  | { readonly type: 'cost'; readonly costUsd: number }

export interface TeamOptions<
  Members extends readonly Agent[],
  Output extends StandardSchemaV1 | undefined,
  Name extends string = string,
  Owner extends string = Members[number]['name'],
> {
  readonly name: Name
  readonly description: string
  /** Recorded with each run. Default `0.0.0`. */
  readonly version?: string
  /** For every role that is not named, and for the members that have none. */
  readonly model?: LanguageModel
  /** The members: their names are the owners that a plan may name. */
  readonly agents: Members
  /** Decides whether members are needed at all. Default: the model, or without one always `delegate`. */
  readonly router?: Role<RouterView<Owner>, Route<Owner>>
  /** Makes the plans. Default: the model. */
  readonly architect?: Role<ArchitectView<Owner>, Planning<Owner>>
  /** Holds outputs of tasks with criteria, and every answer, against what was asked. Default: the model; without one, `checks` alone. */
  readonly reviewer?: Role<ReviewView, Review>
  /** Looks into anomalies. Default: the model; without one, the task is tried again with the anomaly in its view. */
  readonly investigator?: Role<InvestigatorView<Owner>, Finding<Owner>>
  /** Writes the answer, unless a task produces `answer`. Default: the model; without one, the outputs by task. */
  readonly synthesizer?: Role<SynthesisView, JsonValue>
  /** What an answer must have; a plan must cover each. Plans may add to them. */
  readonly criteria?: readonly string[]
  /** What members are good at, for tasks that name no owner. */
  readonly skills?: Readonly<Partial<Record<Owner, readonly string[]>>>
  /** What the answer must fit. */
  readonly output?: Output
  /** Held against each answer that fits `output`; what one complains about leads to a new round. */
  readonly checks?: readonly Check<OutputOf<Output>>[]
  /** Plans that are carried out. Default 5. */
  readonly maxRounds?: number
  /** Runs of a task's owner. Default 3. */
  readonly maxAttempts?: number
  /** Tasks at work at once. Default 8. */
  readonly maxParallel?: number
  /** The same by member. */
  readonly memberCaps?: Readonly<Partial<Record<Owner, number>>>
  /** Tasks of one plan. Default 1,000. */
  readonly maxTasks?: number
  /** Questions to roles and attempts at tasks together. Default 10,000. */
  readonly maxSteps?: number
  /** Working time of one attempt. Default 600,000. */
  readonly taskTimeMs?: number
  /** Caps on each run and all below it. */
  readonly budget?: BudgetLimits
  /** Prices of models that the built-in table does not know; USD per million tokens, by model id. */
  readonly prices?: PriceTable
  /** `required` (the default): a task's result without evidence that stands is turned down. */
  readonly evidence?: 'required' | 'optional'
  /** Where a person has to agree. */
  readonly approvals?: readonly ApprovalPoint[]
  /** Whether members, router and architect may put questions to the user; such a run waits. Default true. */
  readonly askUser?: boolean
  /** Whether members may put questions to each other. Default true. */
  readonly askMembers?: boolean
}

/** The options of a team of any members and output. */
export type AnyTeamOptions = Omit<TeamOptions<readonly Agent[], StandardSchemaV1 | undefined>, 'checks'> & {
  readonly checks?: readonly Check<never>[]
}
