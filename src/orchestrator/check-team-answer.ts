import { describeIssues } from '../schema/describe-issues.ts'
import { parse } from '../schema/parse.ts'
import { decode, encode } from '../util/codec.ts'
import { complaintOf } from '../agent/check-answer.ts'
import type { Transcript } from '../agent/transcript.ts'
import type { JsonValue } from '../util/json.ts'
import { reviewAnswer } from './reviewer.ts'
import { count, type TeamRun } from './team-run.ts'

/**
 * Holds an answer against the output's schema, then the team's checks, then the reviewer: no answer leaves a run
 * unseen. Gives what is wrong with it; empty when it stands. Checks are effects: they run once and are in the log.
 */
export async function checkTeamAnswer(run: TeamRun, answer: JsonValue): Promise<string[]> {
  const { options } = run.spec
  const value = decode(JSON.stringify(answer))
  const parsed = options.output ? await run.ctx.during(async () => parse(options.output!, value)) : ({ ok: true, value } as const)
  if (!parsed.ok) return [`the answer does not fit the type that is asked for:\n${describeIssues(parsed.issues)}`]
  const n = count(run.asked, 'check')
  for (const [i, check] of run.spec.checks.entries()) {
    const complaint = await run.ctx.step(`check.${n}.${i + 1}`, () => complaintOf(check, parsed.value, transcriptOf(run)))
    if (complaint !== null) return [`the check '${check.name || i + 1}' failed: ${complaint}`]
  }
  const { verdict, reasons = [] } = await reviewAnswer(run, answer)
  return verdict === 'ok' ? [] : [...reasons]
}

/** The answer as tagged JSON, as its schema leaves it; undefined when it does not fit. */
export async function fitted(run: TeamRun, answer: JsonValue): Promise<JsonValue | undefined> {
  const { output } = run.spec.options
  if (!output) return answer
  const parsed = await run.ctx.during(async () => parse(output, decode(JSON.stringify(answer))))
  return parsed.ok ? (JSON.parse(encode(parsed.value)) as JsonValue) : undefined
}

/** Checks of agents take a transcript; a team has no steps of its own, only its task. */
function transcriptOf({ spec, input }: TeamRun): Transcript {
  return {
    agent: spec.options.name,
    task: input.task,
    images: input.images ?? [],
    context: JSON.stringify(input.context ?? {}),
    steps: [],
    earlier: [],
  }
}
