import type { ActionLog, ApprovalAnswer, CallStart, ChildOutcome, RunContext } from '../../src/engine/context.ts'
import { TreeBudget } from '../../src/engine/budget.ts'
import { NO_USAGE } from '../../src/client/usage.ts'
import { TroupeError } from '../../src/errors/troupe-error.ts'
import type { JsonValue } from '../../src/util/json.ts'

export interface FakeOptions {
  /** What a person says when asked. Default: approve. */
  readonly decision?: ApprovalAnswer
  /** How a managed agent ends. */
  readonly child?: Partial<ChildOutcome>
  readonly budget?: TreeBudget
}

export interface FakeContext extends RunContext {
  /** What was asked of the engine, in order: `emit policy 1.1`, `step 1.1.policy`. */
  readonly notes: readonly string[]
  readonly emitted: readonly { readonly type: string; readonly body: unknown }[]
}

/** A run's context without an engine: effects are done at once and noted. */
export function fakeContext({
  decision = { decision: 'approve' },
  child = {},
  budget = new TreeBudget({}),
}: FakeOptions = {}): FakeContext {
  const notes: string[] = []
  const emitted: { type: string; body: unknown }[] = []
  const { signal } = new AbortController()
  const context: Omit<FakeContext, 'history'> = {
    runId: 'run',
    signal,
    budget,
    notes,
    emitted,
    step: async (key, effect) => {
      notes.push(`step ${key}`)
      try {
        return await effect(effectContext(`run:${key}`))
      } catch (error) {
        throw TroupeError.wrap(error, 'agent/failed')
      }
    },
    child: async (key, agent) => {
      notes.push(`child ${key} ${agent.name}`)
      return { status: 'done', output: 'from below', usage: NO_USAGE, runId: `run-${key}`, ...child }
    },
    wait: async (key, { approval }) => {
      notes.push(`wait ${key} ${approval?.reason ?? ''}`)
      return JSON.parse(JSON.stringify(decision)) as JsonValue
    },
    action: () => Promise.resolve(fakeAction(notes)),
    emit: async (key, type, body) => {
      notes.push(`emit ${type} ${key}`)
      emitted.push({ type, body })
    },
    during: (work) => work(),
    own: (open) => open(),
  }
  return { ...context, history: async () => [] }
}

/** An action without a log. */
export function fakeAction(notes: string[] = []): ActionLog {
  return {
    clock: 0,
    seed: 0,
    recorded: [],
    ended: null,
    started: async (calls: readonly CallStart[]) =>
      void notes.push(`started ${calls.map(({ call, asked }) => `${call}${asked ? '?' : ''}`).join(' ')}`),
    settled: async () => {},
    dispatch: (call, effect) => {
      notes.push(`dispatch ${call}`)
      return effect(effectContext(`run:1.${call}`))
    },
    again: async () => {},
    close: () => {},
    end: async () => {},
    quiet: () => {},
  }
}

function effectContext(idempotencyKey: string) {
  return { idempotencyKey, signal: new AbortController().signal, isWatched: false, live: () => {} }
}
