import type { RunContext } from '../engine/context.ts'
import { messageOf } from '../errors/troupe-error.ts'
import { describeIssues } from '../schema/describe-issues.ts'
import { parse } from '../schema/parse.ts'
import { decode, encode } from '../util/codec.ts'
import type { JsonValue } from '../util/json.ts'
import type { Check } from './agent.ts'
import type { AgentSpec } from './spec.ts'
import type { Transcript } from './transcript.ts'

/** `output` is tagged JSON; `reasons` is what the model is told. */
export type Verdict = { readonly ok: true; readonly output: JsonValue } | { readonly ok: false; readonly reasons: string }

/**
 * Holds a final answer against the output's schema, then against each check. Checks are effects: they run once, and
 * what they said is in the log. One that throws has not passed.
 */
export async function checkAnswer(
  agent: AgentSpec,
  answer: string,
  transcript: Transcript,
  ctx: RunContext,
  step: number,
): Promise<Verdict> {
  const { output, checks } = agent
  const value = decode(answer)
  const parsed = output ? await ctx.during(async () => parse(output, value)) : ({ ok: true, value } as const)
  if (!parsed.ok) {
    const issues = describeIssues(parsed.issues, { value, ...(output && { schema: output }) })
    return refused(`it does not fit the type that is asked for:\n${issues}`)
  }
  for (const [i, check] of checks.entries()) {
    const complaint = await ctx.step(`${step}.check.${i + 1}`, () => complaintOf(check, parsed.value, transcript))
    if (complaint !== null) return refused(`the check '${check.name || i + 1}' failed: ${complaint}`)
  }
  return { ok: true, output: JSON.parse(encode(parsed.value)) as JsonValue }
}

/** What a check has against an answer; null where it has nothing. What it throws is its complaint. */
export async function complaintOf(check: Check, answer: unknown, transcript: Transcript): Promise<string | null> {
  try {
    const verdict = await check(answer, transcript)
    if (verdict === true || verdict === undefined) return null
    return verdict === false ? 'it did not pass' : verdict
  } catch (error) {
    return messageOf(error)
  }
}

function refused(why: string): Verdict {
  return { ok: false, reasons: `The final answer was not accepted: ${why}\nCorrect it and give the final answer again.` }
}
