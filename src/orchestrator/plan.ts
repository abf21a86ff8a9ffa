import type { JsonSchema } from '../schema/json-schema.ts'
import type { JsonValue } from '../util/json.ts'

/** One task of a plan, as an architect writes it. What is absent has the default that is named. */
export interface PlannedTask<Owner extends string = string> {
  /** `/^[A-Za-z][A-Za-z0-9_]{0,63}$/`: part of the keys in the run's log. */
  readonly id: string
  /** Without one, the member is picked by the tools and skills that the task needs. */
  readonly owner?: Owner
  readonly objective: string
  /** Tasks whose outputs it is given, and keys of the run's context as `context.KEY`. Default: none. */
  readonly inputs?: readonly string[]
  /** Handed to the owner as it is, under the name `given`. */
  readonly given?: JsonValue
  /** JSON Schema of its output. Default: anything. */
  readonly output?: JsonSchema
  /** What its output is held against by the reviewer. */
  readonly criteria?: readonly string[]
  /** Which criteria of the goal it serves, by their text. */
  readonly covers?: readonly string[]
  /** Names of its owner's tools that it may use. Default: all of them. */
  readonly tools?: readonly string[]
  /** Skills that its owner must have, where none is named. */
  readonly skills?: readonly string[]
  /** Paths of the state that it alone writes, such as `report.title`. Default: its id. `answer` is the answer of the run. */
  readonly produces?: readonly string[]
  /** The part of the team's budget that all its attempts may use, over 0 and up to 1. */
  readonly budgetShare?: number
  /** What its owner is asked to do when the task is done and its branch is abandoned. */
  readonly undo?: string
}

/** What an architect answers first. */
export interface Plan<Owner extends string = string> {
  /** What the goal asks for; each must be covered by a task. Default: the team's own. */
  readonly criteria?: readonly string[]
  readonly tasks: readonly PlannedTask<Owner>[]
  /** What is given, what is missing, and what is only assumed: shown to later rounds. */
  readonly facts?: readonly string[]
  readonly gaps?: readonly string[]
  readonly guesses?: readonly string[]
}

/** What a later plan, an investigator or a person changes. A task that is done stays as it is. */
export interface PlanChanges<Owner extends string = string> {
  readonly add?: readonly PlannedTask<Owner>[]
  /** Ids of tasks that are given up. */
  readonly drop?: readonly string[]
  /** New owners by task. */
  readonly reassign?: Readonly<Record<string, Owner>>
  readonly facts?: readonly string[]
  readonly gaps?: readonly string[]
  readonly guesses?: readonly string[]
}

const TEXT: JsonSchema = { type: 'string', minLength: 1 }
const TEXTS: JsonSchema = { type: 'array', items: TEXT }

const TASK_SCHEMA: JsonSchema = {
  type: 'object',
  properties: {
    id: { type: 'string', description: 'Letters, digits and underscores; begins with a letter.' },
    owner: { type: 'string', description: 'The member that does it. Leave out to have one picked by tools and skills.' },
    objective: { type: 'string', minLength: 1, description: 'All that the owner needs to know to do it.' },
    inputs: { ...TEXTS, description: 'Ids of tasks whose outputs it needs, and context.KEY for values that came with the goal.' },
    given: { description: 'A value to hand to the owner as it is.' },
    output: { type: 'object', description: 'JSON Schema of its output.' },
    criteria: { ...TEXTS, description: 'What its output is checked against.' },
    covers: { ...TEXTS, description: 'The criteria of the goal that it serves, word by word.' },
    tools: { ...TEXTS, description: "Those of its owner's tools that it may use. Left out: all." },
    skills: { ...TEXTS, description: 'Skills that its owner must have, where no owner is named.' },
    produces: { ...TEXTS, description: 'Paths of the state that this task alone writes. Left out: its id.' },
    budgetShare: { type: 'number', exclusiveMinimum: 0, maximum: 1 },
    undo: { ...TEXT, description: 'What to do when it is done and its branch is abandoned.' },
  },
  required: ['id', 'objective'],
  additionalProperties: false,
}

const LEDGER = { facts: TEXTS, gaps: TEXTS, guesses: TEXTS }

export const PLAN_SCHEMA: JsonSchema = {
  type: 'object',
  properties: { criteria: TEXTS, ...LEDGER, tasks: { type: 'array', items: TASK_SCHEMA } },
  required: ['tasks'],
  additionalProperties: false,
}

export const CHANGES_SCHEMA: JsonSchema = {
  type: 'object',
  properties: {
    ...LEDGER,
    add: { type: 'array', items: TASK_SCHEMA },
    drop: TEXTS,
    reassign: { type: 'object', additionalProperties: TEXT },
  },
  additionalProperties: false,
}
