import type { Sandbox } from 'troupe'
import { DEFAULT_LIMITS } from '../../src/sandbox/limits.ts'

type Session = Awaited<ReturnType<Sandbox['open']>>

const PROBE = { name: 'probe', parameters: ['n'], signature: 'probe({ n }: { n: number }): Promise<number>' }

/** A session with one tool, `probe`. */
export async function openSession(sandbox: Sandbox): Promise<Session> {
  return sandbox.open({ language: 'typescript', limits: DEFAULT_LIMITS, tools: [PROBE], context: {} })
}

/** Runs one step to its end and answers each call at once with 1. Throws when the code failed. */
export async function runStep(session: Session, code: string): Promise<string> {
  const { signal } = new AbortController()
  for await (const frame of session.execute(code, { step: 1, signal, clock: 0, seed: 1 })) {
    if (frame.type === 'call') session.reply(frame.call, { ok: true, value: '1' })
    if (frame.type !== 'end') continue
    if (frame.execution.type !== 'value') throw new Error(`the step ended as ${JSON.stringify(frame.execution)}`)
    return frame.execution.preview
  }
  throw new Error('the step did not end')
}
