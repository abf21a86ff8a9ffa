import { createInterface } from 'node:readline/promises'
import type { EventOf } from '../client/event.ts'
import type { JsonValue } from '../util/json.ts'
import { MAX_SHOWN, valueText } from './text.ts'

/** What a person answered; `none`: they left the question open. */
export type Verdict =
  | { readonly type: 'approve'; readonly result?: JsonValue }
  | { readonly type: 'reject'; readonly reason?: string }
  | { readonly type: 'none' }

export interface AskOptions {
  /** Takes the question back. */
  readonly signal: AbortSignal
  /** Called for a Ctrl-C, which the prompt gets instead of the process. */
  interrupt(): void
}

/** Asks on the terminal whether a call may go on. Ctrl-D leaves the question open. */
export async function askApproval(wanted: EventOf<'approval-wanted'>, { signal, interrupt }: AskOptions): Promise<Verdict> {
  const left = new AbortController()
  const lines = createInterface({ input: process.stdin, output: process.stdout })
  lines.on('SIGINT', () => {
    left.abort()
    interrupt()
  })
  lines.on('close', () => left.abort())
  const ask = async (question: string): Promise<string> =>
    (await lines.question(question, { signal: AbortSignal.any([signal, left.signal]) })).trim()
  try {
    if (!tellsAll(wanted)) process.stdout.write(`    ${valueText(wanted.args ?? null).replaceAll('\n', '\n    ')}\n`)
    return wanted.reason === 'unknown-outcome' ? await askOutcome(ask) : await askLeave(ask)
  } catch (error) {
    if (error instanceof Error && error.name === 'AbortError') return { type: 'none' }
    throw error
  } finally {
    lines.close()
  }
}

/** Nobody may approve what they have not seen: whether the question, as the view shows it, has all of the arguments. */
function tellsAll({ args, question }: EventOf<'approval-wanted'>): boolean {
  return args === undefined || (question.length <= MAX_SHOWN && question.includes(JSON.stringify(args)))
}

async function askLeave(ask: (question: string) => Promise<string>): Promise<Verdict> {
  for (;;) {
    const answer = (await ask('    approve? [y/n] ')).toLowerCase()
    if (answer === 'y' || answer === 'yes') return { type: 'approve' }
    if (answer === 'n' || answer === 'no') return rejectWith(await ask('    why not? (the model is told; Enter for no reason) '))
  }
}

/** The call was begun and nobody knows whether it took place. */
async function askOutcome(ask: (question: string) => Promise<string>): Promise<Verdict> {
  for (;;) {
    const answer = (await ask('    it may have happened. [r]un it again, tell the model it [f]ailed, or it is [d]one? ')).toLowerCase()
    if (answer === 'r') return { type: 'approve' }
    if (answer === 'f') return rejectWith(await ask('    what happened? (the model is told; Enter for no reason) '))
    if (answer !== 'd') continue
    const text = await ask('    its result, as JSON (null when it has none): ')
    try {
      return { type: 'approve', result: JSON.parse(text) as JsonValue }
    } catch {
      process.stdout.write('    that is no JSON\n')
    }
  }
}

function rejectWith(reason: string): Verdict {
  return { type: 'reject', ...(reason !== '' && { reason }) }
}
