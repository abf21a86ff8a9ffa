import type { RunInput } from '../client/entry.ts'
import type { AgentOutcome, RunContext } from '../engine/context.ts'
import { messageOf, TroupeError } from '../errors/troupe-error.ts'
import type { JsonValue } from '../util/json.ts'
import { firstPlan, nextPlan } from './architect.ts'
import { isForTheRun } from './ask-role.ts'
import { abandonBlocked, applyChanges, applyPlan, isDead, toUndo } from './changes.ts'
import { checkTeamAnswer, fitted } from './check-team-answer.ts'
import { FIXED_LIMITS } from './limits.ts'
import { isFinal } from './machine.ts'
import { agreement, listen } from './people.ts'
import { route } from './router.ts'
import { RUN_MACHINE, type RunEventName, type RunState } from './run-machine.ts'
import { emptyState, isLive, StateBoard } from './state.ts'
import { synthesize } from './synthesis.ts'
import { count, moveRun, openTeamRun, spend, takeStep, type TeamRun, type TeamSpec } from './team-run.ts'
import { missingIn } from './views.ts'
import { work } from './work.ts'

interface Happened {
  readonly event: RunEventName
  readonly why: string
}

/** Runs a team to its end: each state of the machine has something to do, and what comes of it is the next event. */
export async function runTeam(spec: TeamSpec, input: RunInput, ctx: RunContext): Promise<AgentOutcome> {
  const board = new StateBoard(emptyState(input.task, input.context ?? {}, spec.options.criteria ?? []))
  const run = openTeamRun(spec, ctx, input, board)
  listen(run)
  try {
    while (!isFinal(RUN_MACHINE, board.state.place)) {
      const { event, why } = await happening(run)
      if (isFinal(RUN_MACHINE, board.state.place)) break // A cap was met while people were asked.
      await moveRun(run, event, why)
    }
    giveUpTasks(run)
    return await endOf(run)
  } finally {
    giveUpTasks(run)
  }
}

/** Stops what is still at work, as after a limit: nobody waits for it any more. */
function giveUpTasks(run: TeamRun): void {
  run.isOver = true
  for (const stop of run.stops.values()) stop.abort()
}

async function happening(run: TeamRun): Promise<Happened> {
  try {
    const happened = await doing(run, run.board.state.place.state as RunState)
    if (run.stopped !== null) return { event: 'cancel', why: `stopped by a person: ${run.stopped}` }
    return (await refusedAt(run, happened.event)) ?? happened
  } catch (error) {
    if (TroupeError.is(error, 'budget/spent')) return { event: 'limit', why: error.message }
    if (isForTheRun(error)) throw error
    await moveRun(run, 'fail', messageOf(error))
    throw error
  }
}

async function doing(run: TeamRun, state: RunState): Promise<Happened> {
  switch (state) {
    case 'routing':
      return routing(run)
    case 'planning':
      return planning(run)
    case 'working':
      return working(run)
    case 'replanning':
      return replanning(run)
    case 'synthesizing':
      return synthesizing(run)
    case 'reviewing':
      return reviewing(run)
    case 'waiting':
    case 'done':
    case 'limit':
    case 'failed':
    case 'cancelled':
      throw new TroupeError('internal/unreachable', `a run that is '${state}' has nothing to do`)
  }
}

async function routing(run: TeamRun): Promise<Happened> {
  const { board, input } = run
  const decided = await route(run)
  switch (decided.type) {
    case 'direct':
      board.write({ type: 'answer', value: decided.answer, reasons: [] })
      return { event: 'direct', why: 'no member is needed' }
    case 'member': {
      const covers = board.state.goal.criteria
      board.write({ type: 'reasons', reasons: [] })
      const reasons = await applyPlan(run, {
        tasks: [
          {
            id: 'goal',
            owner: decided.member,
            objective: input.task,
            inputs: Object.keys(input.context ?? {}).map((key) => `context.${key}`),
            criteria: covers,
            covers,
            produces: ['answer'],
          },
        ],
      })
      if (reasons.length > 0) throw new TroupeError('internal/unreachable', `a plan of one task was refused: ${reasons.join('; ')}`)
      return { event: 'delegate', why: `${decided.member} can do all of it${decided.why === undefined ? '' : `: ${decided.why}`}` }
    }
    case 'delegate':
      return { event: 'delegate', why: decided.why ?? 'several steps are needed' }
  }
}

async function planning(run: TeamRun): Promise<Happened> {
  const { board } = run
  if (board.state.round > 0) return { event: 'plan-accepted', why: 'the router has named who does it' }
  const given = await firstPlan(run)
  const reasons = given.ok ? await applyPlan(run, given.plan) : [given.problem]
  board.write({ type: 'reasons', reasons })
  if (reasons.length > 0) return { event: 'plan-refused', why: reasons.join('; ') }
  return { event: 'plan-accepted', why: `${given.ok ? given.plan.tasks.length : 0} tasks` }
}

async function working(run: TeamRun): Promise<Happened> {
  const { board } = run
  const before = doneIn(run)
  await work(run)
  await abandonBlocked(run)
  await undoAbandoned(run)
  const dead = Object.values(board.state.tasks).filter((task) => isDead(task) && !run.acknowledged.has(task.plan.id))
  if (dead.length === 0) return { event: 'all-done', why: `${doneIn(run)} tasks are done` }
  const reasons = dead.map(
    ({ plan, place, defects }) => `task '${plan.id}' was ${place.state}${defects.length === 0 ? '' : `: ${defects.at(-1)}`}`,
  )
  board.write({ type: 'reasons', reasons })
  const stalls = doneIn(run) > before ? 0 : count(run.steps, 'stalls')
  if (doneIn(run) > before) run.steps.delete('stalls')
  if (stalls >= FIXED_LIMITS.stalls) return { event: 'limit', why: `${stalls} rounds in a row got no task done: ${reasons.join('; ')}` }
  return { event: 'stuck', why: reasons.join('; ') }
}

async function replanning(run: TeamRun): Promise<Happened> {
  const { board } = run
  if (Object.values(board.state.tasks).some((task) => isLive(task)))
    return { event: 'plan-accepted', why: 'the plan was changed meanwhile' }
  const isFirst = Object.keys(board.state.tasks).length === 0
  if (isFirst) {
    const given = await firstPlan(run)
    const reasons = given.ok ? await applyPlan(run, given.plan) : [given.problem]
    return reasons.length === 0
      ? { event: 'plan-accepted', why: 'a first plan, as the direct answer was refused' }
      : refusedPlan(run, reasons)
  }
  const given = await nextPlan(run)
  if (given.type === 'unusable') return refusedPlan(run, [given.problem])
  const dead = Object.values(board.state.tasks).filter(isDead)
  if (given.type === 'done') {
    if (doneIn(run) === 0) return { event: 'limit', why: 'no task got done, and the architect sees nothing more to do' }
    for (const { plan } of dead) run.acknowledged.add(plan.id)
    return { event: 'nothing-left', why: 'the architect sees nothing more to do' }
  }
  const reasons = await applyChanges(run, given.changes, 'the architect')
  if (reasons.length > 0) return refusedPlan(run, reasons)
  for (const { plan } of dead) run.acknowledged.add(plan.id)
  return { event: 'plan-accepted', why: `${given.changes.add?.length ?? 0} tasks added, ${given.changes.drop?.length ?? 0} dropped` }
}

function refusedPlan({ board }: TeamRun, reasons: readonly string[]): Happened {
  board.write({ type: 'reasons', reasons: [...board.state.reasons.slice(-10), ...reasons] })
  return { event: 'plan-refused', why: reasons.join('; ') }
}

async function synthesizing(run: TeamRun): Promise<Happened> {
  const made = await synthesize(run)
  if (!made.ok) return { event: 'no-answer', why: made.problem }
  run.board.write({ type: 'answer', value: made.answer, reasons: [] })
  return { event: 'answer', why: 'the answer is written' }
}

async function reviewing(run: TeamRun): Promise<Happened> {
  const { board } = run
  const value = board.state.answer?.value ?? null
  const reasons = run.spec.defences.finalCheck ? await checkTeamAnswer(run, value) : []
  if (reasons.length === 0 && Object.values(board.state.tasks).some((task) => isLive(task)))
    reasons.push('a person has changed the plan meanwhile')
  if (reasons.length === 0) return { event: 'accepted', why: 'the answer holds against the goal' }
  board.write({ type: 'answer', value, reasons })
  board.write({ type: 'reasons', reasons })
  if (run.repetition.isRepeated('the answer', value, reasons))
    return { event: 'limit', why: `the same answer was refused for the same before: ${reasons.join('; ')}` }
  return { event: 'refused', why: reasons.join('; ') }
}

function doneIn({ board }: TeamRun): number {
  return Object.values(board.state.tasks).filter(({ place }) => place.state === 'done').length
}

/** Asks a person before states that are named as approval points. What they refuse becomes the event that says so. */
async function refusedAt(run: TeamRun, event: RunEventName): Promise<Happened | undefined> {
  const state = ENTERED[event]
  const point = run.spec.options.approvals?.some((one) => one.type === 'state' && one.state === state)
  if (!point || state === undefined) return undefined
  const why = await agreement(run, `approve.${state}.${count(run.asked, `approve.${state}`)}`, `May the run go on to '${state}'?`)
  if (why === undefined) return undefined
  run.board.write({ type: 'reasons', reasons: [why] })
  if (state === 'working') return { event: 'plan-refused', why }
  if (state === 'done') return { event: 'refused', why }
  return { event: 'stuck', why }
}

const ENTERED: Readonly<Partial<Record<RunEventName, string>>> = {
  'plan-accepted': 'working',
  'all-done': 'synthesizing',
  accepted: 'done',
}

/** Has the owners of tasks undo them whose branch was given up. */
async function undoAbandoned(run: TeamRun): Promise<void> {
  for (const { plan, owner, output } of toUndo(run)) {
    const member = run.spec.members.get(owner)
    run.board.write({ type: 'undone', task: plan.id })
    if (!member) continue
    takeStep(run)
    const outcome = await run.ctx.child(`undo.${plan.id}`, member, {
      task: plan.undo ?? '',
      ...(output !== undefined && { context: { output } }),
    })
    spend(run, outcome.usage)
    if (outcome.status !== 'done')
      run.board.write({
        type: 'finding',
        task: plan.id,
        finding: `Task ${plan.id} could not be undone: ${outcome.error?.message ?? outcome.status}`,
      })
  }
}

async function endOf(run: TeamRun): Promise<AgentOutcome> {
  const { state } = run.board
  const value = state.answer?.value
  switch (state.place.state as RunState) {
    case 'done':
      return { status: 'done', output: (await fitted(run, value ?? null)) ?? null }
    case 'cancelled':
      return {
        status: 'cancelled',
        error: new TroupeError('run/cancelled', `the run was stopped by a person: ${run.stopped ?? ''}`).toJSON(),
      }
    default:
      return limited(run)
  }
}

/** At a cap: the best answer so far, where it fits what was asked for, and what is missing. */
async function limited(run: TeamRun): Promise<AgentOutcome> {
  const { state } = run.board
  const missing = [...missingIn(state), ...(state.answer?.reasons ?? []).map((reason) => `the answer: ${reason}`)]
  const reasons = missing.length === 0 ? state.reasons : missing
  const error = new TroupeError(
    'budget/spent',
    `team ${run.spec.options.name} reached a limit: ${run.lastWhy}. Missing: ${reasons.join('; ') || 'nothing that is known'}`,
    {
      details: { missing: reasons },
    },
  ).toJSON()
  const best = await bestAnswer(run)
  return { status: 'limit', error, ...(best !== undefined && { output: best }) }
}

async function bestAnswer(run: TeamRun): Promise<JsonValue | undefined> {
  const { state } = run.board
  if (state.answer) return fitted(run, state.answer.value)
  if (!Object.values(state.tasks).some(({ place }) => place.state === 'done')) return undefined
  try {
    const made = await synthesize(run)
    return made.ok ? await fitted(run, made.answer) : undefined
  } catch (error) {
    if (TroupeError.is(error, 'budget/spent')) return undefined // There is nothing left to write it with.
    throw error
  }
}
