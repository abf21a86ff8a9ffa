import type { EntryBodies, NewEntry } from '../client/entry.ts'
import { hash32 } from '../util/hash.ts'
import type { ActionLog, EffectContext } from './context.ts'
import type { Activity } from './activity.ts'
import type { Inbox } from './inbox.ts'
import type { Writer } from './log-writer.ts'
import type { Recorded } from './recorded.ts'

export interface ActionLogParts {
  /** What seeds are made of: the id of the run, or of the run that it is a fork of. */
  readonly seedOf: string
  readonly step: number
  readonly clock: number
  readonly recorded: Recorded
  readonly writer: Writer
  readonly activity: Activity
  readonly inbox: Inbox
  perform<T>(key: string, effect: (o: EffectContext) => Promise<T>): Promise<T>
}

/** Opens the batched form of the log for the calls of one step; busy from here on until it is quiet or ended. */
export function openActionLog(parts: ActionLogParts): ActionLog {
  const { step, recorded, writer, activity } = parts
  const calls = recorded.calls(step)
  const ended = recorded.end(step)
  const begun = new Set(calls.filter((call) => call.started).map((call) => call.call))
  const asked = new Set(calls.map((call) => call.call))
  let order = Math.max(0, ...calls.map((call) => call.order ?? 0))
  let leave = activity.enter()

  const keyOf = (call: number): string => `${step}.${call}`
  const append = async (entries: readonly NewEntry[]): Promise<void> => {
    if (entries.length > 0) await activity.during(() => writer.append(entries))
  }

  return {
    clock: parts.clock,
    seed: hash32(`${parts.seedOf}:${step}`),
    recorded: calls,
    ended,

    async started(starts) {
      const entries: NewEntry[] = []
      for (const { call, tool, args, asked: hasToWait } of starts) {
        const known = hasToWait ? asked : begun
        if (known.has(call)) continue
        known.add(call)
        entries.push(writer.entry(hasToWait ? 'call-asked' : 'tool-start', keyOf(call), { tool, args }))
      }
      await append(entries)
    },

    again: (call, tool, repeat) => append([writer.entry('tool-again', `${keyOf(call)}.again.${repeat}`, { tool })]),

    async settled(answers) {
      await append(
        answers.map(({ call, tool, answer, durationMs, agent }) => {
          order++
          if (agent) return writer.entry('call-settled', keyOf(call), { tool, answer, order })
          return writer.entry('tool-end', keyOf(call), { tool, answer, order, durationMs })
        }),
      )
    },

    dispatch: (call, effect) => activity.during(() => parts.perform(keyOf(call), effect)),

    close() {
      parts.inbox.forget(`${step}.`)
      leave()
    },

    async end(body: EntryBodies['action-end']) {
      if (!ended) await append([writer.entry('action-end', `${step}.end`, body)])
      this.close()
    },

    quiet(isQuiet) {
      leave()
      if (!isQuiet) leave = activity.enter()
    },
  }
}
