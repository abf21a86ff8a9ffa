import type { ApprovalAnswer } from '../engine/context.ts'
import { TroupeError } from '../errors/troupe-error.ts'
import { jsonSchema } from '../schema/document.ts'
import { parse } from '../schema/parse.ts'
import { detach } from '../util/detach.ts'
import type { JsonObject, JsonValue } from '../util/json.ts'
import { applyChanges } from './changes.ts'
import { FIXED_LIMITS } from './limits.ts'
import { askPerson } from './member.ts'
import { CHANGES_SCHEMA, type PlanChanges } from './plan.ts'
import { count, moveRun, type TeamRun } from './team-run.ts'

/** The topic of the signal by which a person changes the plan: `PlanChanges`, or `{ stop: 'why' }`. */
const PLAN_TOPIC = 'plan'

/** Puts a question of the router or the architect to the user; the answer stands in the state from then on. */
export async function clarify(run: TeamRun, from: string, question: string): Promise<void> {
  const key = `question.${count(run.asked, 'question')}`
  const answer = await waiting(run, `${from} asks: ${question}`, () => askPerson(run.ctx, key, question))
  run.board.write({ type: 'question', question: { from, question, answer: typeof answer === 'string' ? answer : JSON.stringify(answer) } })
}

/** Whether more questions may be put to the user. */
export function mayAsk({ spec, board }: TeamRun): boolean {
  return spec.options.askUser !== false && board.state.questions.length < FIXED_LIMITS.clarifications
}

/** Asks a person to agree. Gives nothing when they do, else why not. */
export async function agreement(run: TeamRun, key: string, question: string): Promise<string | undefined> {
  const answer = await waiting(run, question, () => run.ctx.wait(`${key}.approval`, { approval: { reason: 'approval', question } }))
  const { decision, reason } = answer as JsonObject & ApprovalAnswer
  return decision === 'approve' ? undefined : `a person did not agree${reason === undefined ? '' : `: ${reason}`}`
}

/** While a person is asked, the run's machine waits; it goes back when the last question is answered. */
async function waiting<T>(run: TeamRun, why: string, asking: () => Promise<T>): Promise<T> {
  if (run.openQuestions === 0) {
    await moveRun(run, 'ask', why)
    if (run.board.state.place.state === 'limit')
      throw new TroupeError('budget/spent', `${FIXED_LIMITS.waits} questions were put to people in this run`)
  }
  run.openQuestions++
  const answer = await asking()
  run.openQuestions--
  if (run.openQuestions === 0 && run.board.state.place.state === 'waiting') await moveRun(run, 'answered', 'answered')
  return answer
}

/** Takes changes of the plan from people as long as the run goes on. */
export function listen(run: TeamRun): void {
  const listening = async (): Promise<void> => {
    for (let n = 1; n <= FIXED_LIMITS.waits && !run.isOver; n++) {
      const value = await run.ctx.wait(`plan.${n}`, { topic: PLAN_TOPIC, question: 'Changes of the plan, if there are any.' })
      if (!run.isOver) await take(run, value)
    }
  }
  // Its activation may end at any time: what is thrown then is of no use to anybody.
  detach(listening().catch(() => {}))
}

async function take(run: TeamRun, value: JsonValue): Promise<void> {
  if (typeof value === 'object' && value !== null && 'stop' in value) {
    run.stopped = typeof value.stop === 'string' ? value.stop : JSON.stringify(value.stop)
    for (const stop of run.stops.values()) stop.abort()
    run.onPlanChanged()
    return
  }
  const parsed = await parse(jsonSchema(CHANGES_SCHEMA), value)
  if (parsed.ok) await applyChanges(run, parsed.value as PlanChanges, 'a person')
}
