import type { Run, RunEvent } from '../../src/index.ts'
import { promptText } from '../../src/models/prompt-text.ts'
import type { ScriptedAnswer, ScriptedModel } from '../../src/testing/scripted-model.ts'
import type { JsonValue } from '../../src/util/json.ts'

/** An answer of the model that is all code. */
export function code(text: string): string {
  return '```ts\n' + text.trim() + '\n```'
}

/** An answer of the model that calls one tool after another: name, arguments, name, arguments. */
export function calling(...calls: readonly (readonly [name: string, args: JsonValue, id?: string])[]): ScriptedAnswer {
  return { toolCalls: calls.map(([name, args, id]) => ({ name, arguments: args, ...(id !== undefined && { id }) })) }
}

/** All events of a run's tree, up to its end. */
export async function eventsOf(run: Run): Promise<readonly RunEvent[]> {
  const events: RunEvent[] = []
  for await (const event of run) events.push(event)
  return events
}

/** The events of one type. */
export function ofType<Type extends RunEvent['type']>(
  events: readonly RunEvent[],
  type: Type,
): readonly Extract<RunEvent, { type: Type }>[] {
  return events.filter((event): event is Extract<RunEvent, { type: Type }> => event.type === type)
}

/** The last message that the model was shown in its n-th call, counted from the end. */
export function lastMessage(model: ScriptedModel, fromEnd: number = 1): string {
  const call = model.calls[model.calls.length - fromEnd]
  return call === undefined ? '' : promptText(call.prompt.slice(-1))
}

/** Resolves after some time, or rejects with the reason of the signal. */
export function waitMs(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms)
    signal?.addEventListener('abort', () => {
      clearTimeout(timer)
      reject(signal.reason)
    })
  })
}
