import type { AnswerBody, EntryBodies } from '../client/entry.ts'
import type { ActionLog, RunContext } from '../engine/context.ts'
import type { JsonObject, JsonValue } from '../util/json.ts'
import type { Source } from './evidence.ts'

interface RecordedCall {
  readonly step: number
  readonly call: number
  readonly tool: string
  readonly text: string
}

/** What was recorded in one run while it went on: its calls with their answers, and how its code ended. */
export class Recording {
  readonly #tools = new Map<string, string>()
  readonly #calls = new Map<string, RecordedCall>()
  readonly #steps = new Map<number, string>()

  started(step: number, call: number, tool: string): void {
    this.#tools.set(`${step}.${call}`, tool)
  }

  answered(step: number, call: number, tool: string | undefined, answer: AnswerBody): void {
    const name = tool ?? this.#tools.get(`${step}.${call}`) ?? ''
    const text = answer.ok ? answer.value : `${answer.error.name}: ${answer.error.message}`
    this.#calls.set(`${step}.${call}`, { step, call, tool: name, text })
  }

  ended(step: number, { prints, execution }: EntryBodies['action-end']): void {
    // The final answer is what is to be proved: it is no evidence of itself.
    const isAnswer = typeof execution === 'object' && execution !== null && 'type' in execution && execution.type === 'final-answer'
    this.#steps.set(step, isAnswer ? prints : `${prints}\n${JSON.stringify(execution)}`)
  }

  /** Everything that evidence may refer to; calls of a tool are numbered from 1 in the order of steps and calls. */
  sources(inputs: JsonObject): readonly Source[] {
    const counts = new Map<string, number>()
    const calls = [...this.#calls.values()].toSorted((a, b) => a.step - b.step || a.call - b.call)
    const made = calls.map(({ step, call, tool, text }) => {
      const n = (counts.get(tool) ?? 0) + 1
      counts.set(tool, n)
      return { refs: [`${tool}#${n}`, `${step}.${call}`], text }
    })
    const steps = [...this.#steps].map(([step, text]) => ({ refs: [`step#${step}`], text }))
    const given = Object.entries(inputs).map(([name, value]) => ({ refs: [`inputs.${name}`, name], text: textOf(value) }))
    return [...made, ...steps, ...given]
  }
}

/** The same context, with what passes through its actions written down; live and in replay alike. */
export function recorded(ctx: RunContext, recording: Recording): RunContext {
  return { ...ctx, action: async (step) => recordedAction(await ctx.action(step), step, recording) }
}

function recordedAction(action: ActionLog, step: number, recording: Recording): ActionLog {
  for (const { call, tool, answer } of action.recorded) if (answer) recording.answered(step, call, tool, answer)
  if (action.ended) recording.ended(step, action.ended)
  return {
    ...action,
    started: async (calls) => {
      for (const { call, tool } of calls) recording.started(step, call, tool)
      return action.started(calls)
    },
    settled: async (answers) => {
      for (const { call, tool, answer } of answers) recording.answered(step, call, tool, answer)
      return action.settled(answers)
    },
    end: async (body) => {
      if (!action.ended) recording.ended(step, body)
      return action.end(body)
    },
  }
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null)
}
