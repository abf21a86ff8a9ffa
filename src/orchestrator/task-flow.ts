import type { ChildOutcome } from '../engine/context.ts'
import { jsonSchema } from '../schema/document.ts'
import { describeIssues } from '../schema/describe-issues.ts'
import { parse } from '../schema/parse.ts'
import type { JsonObject, JsonValue } from '../util/json.ts'
import { jsonCopy } from '../util/json-copy.ts'
import { abandon } from './changes.ts'
import { investigate } from './investigator.ts'
import { agreement } from './people.ts'
import { memberPrompt } from './prompts/member.prompt.ts'
import { ASSIGNMENT, isMemberReport, type Assignment, type HandOver, type MemberReport } from './report.ts'
import { reviewTask } from './reviewer.ts'
import { inputsOf, pathsOf, type TaskState } from './state.ts'
import { count, moveTask, spend, takeStep, taskOf, type TeamRun } from './team-run.ts'
import { architectView, shown } from './views.ts'

/** Takes one task from its start to its end: attempts, checks, repairs, investigations. Throws only what ends the run. */
export async function runTask(run: TeamRun, id: string): Promise<void> {
  // Before anything is waited for: which task gets the last step must not depend on what comes in meanwhile.
  takeStep(run)
  let isFirst = true
  const refusal = await refusedByPeople(run, id)
  if (refusal !== undefined) return abandon(run, id, refusal, false)
  let place = await moveTask(run, id, 'start', `what it needs is there`)
  while (place && !run.isOver) {
    switch (place.state) {
      case 'running':
        if (!isFirst) takeStep(run)
        isFirst = false
        place = await attempt(run, id)
        break
      case 'validating':
        place = await validate(run, id)
        break
      case 'investigating':
        place = await investigate(run, id)
        break
      default:
        return
    }
  }
}

/** Asks for what the team's approval points want before this task. */
async function refusedByPeople(run: TeamRun, id: string): Promise<string | undefined> {
  const { plan, owner } = taskOf(run, id)
  const tools = plan.tools ?? run.spec.views.find(({ name }) => name === owner)?.tools ?? []
  for (const [i, point] of (run.spec.options.approvals ?? []).entries()) {
    if (point.type === 'tool' && tools.includes(point.tool)) {
      const no = await agreement(run, `approve.${id}.${i}`, `May task ${id} (${owner}) use ${point.tool}? ${plan.objective}`)
      if (no !== undefined) return no
    }
    if (point.type === 'cost' && (run.board.state.spent.costUsd ?? 0) >= point.costUsd && !run.asked.has(`cost.${i}`)) {
      count(run.asked, `cost.${i}`)
      const no = await agreement(run, `approve.cost.${i}`, `The run has cost ${run.board.state.spent.costUsd} USD. May it go on?`)
      if (no !== undefined) return no
    }
  }
  return undefined
}

/** One run of the owner; what it gives is in the state afterwards. */
async function attempt(run: TeamRun, id: string): Promise<Awaited<ReturnType<typeof moveTask>>> {
  const task = taskOf(run, id)
  const n = count(run.asked, `task.${id}`)
  const stop = new AbortController()
  run.stops.set(id, stop)
  await run.ctx.emit(`task.${id}.${n}`, 'task-assigned', { task: id, owner: task.owner, attempt: n })
  const member = run.spec.members.get(task.owner)
  if (!member) return fault(run, id, `there is no member '${task.owner}'`)
  const outcome = await run.ctx.child(`task.${id}.${n}`, member, inputFor(run, task), stop.signal)
  run.stops.delete(id)
  spend(run, outcome.usage)
  if (run.isOver) return null
  const report = reportIn(outcome)
  if (!report) return fault(run, id, `${task.owner} ended as '${outcome.status}': ${outcome.error?.message ?? 'it gave no answer'}`)
  noteAll(run, task, report)
  if (report.handOver) return handOver(run, task, report.handOver)
  if (report.anomaly !== undefined) return odd(run, task, report, report.anomaly)
  run.board.write({ type: 'result', task: id, output: report.output ?? null, evidence: report.evidence })
  return moveTask(run, id, 'result', `${task.owner} has answered`)
}

/** An agent that is not one of ours, or runs where nobody made it a member, answers with its output alone. */
function reportIn({ status, output }: ChildOutcome): MemberReport | undefined {
  if (output === undefined || status === 'cancelled' || status === 'failed') return undefined
  if (isMemberReport(output)) return status === 'done' ? output : undefined
  return status === 'done' ? { type: 'member-report', output, evidence: [], notes: [], questions: [] } : undefined
}

async function fault(run: TeamRun, id: string, why: string): ReturnType<typeof moveTask> {
  run.board.write({ type: 'defect', task: id, reasons: [why] })
  await rejected(run, id, [why])
  return moveTask(run, id, 'fault', why)
}

async function rejected(run: TeamRun, id: string, reasons: readonly string[]): Promise<void> {
  const { owner } = taskOf(run, id)
  await run.ctx.emit(`task.${id}.${count(run.steps, `rejected.${id}`)}`, 'task-rejected', { task: id, owner, reasons })
}

function noteAll(run: TeamRun, { plan, owner }: TaskState, { notes, questions }: MemberReport): void {
  for (const { task, text } of notes) run.board.write({ type: 'note', task, from: owner, text })
  for (const { question, answer } of questions) {
    run.board.write({ type: 'question', question: { from: `${owner} (${plan.id})`, question, answer } })
  }
}

async function handOver(run: TeamRun, { plan, owner }: TaskState, { to, why, state }: HandOver): ReturnType<typeof moveTask> {
  if (!run.spec.members.has(to) || to === owner) {
    return fault(run, plan.id, `it was to be handed over to '${to}', which is ${to === owner ? 'who has it already' : 'no member'}`)
  }
  run.board.write({ type: 'owner', task: plan.id, owner: to, handedOver: { from: owner, why, state: state ?? null } })
  return moveTask(run, plan.id, 'hand-over', `${owner} hands it over to ${to}: ${why}`)
}

async function odd(
  run: TeamRun,
  { plan, owner }: TaskState,
  { output, evidence }: MemberReport,
  anomaly: string,
): ReturnType<typeof moveTask> {
  run.board.write({ type: 'result', task: plan.id, output: output ?? null, evidence })
  run.board.write({ type: 'defect', task: plan.id, reasons: [`anomaly: ${anomaly}`] })
  await moveTask(run, plan.id, 'result', `${owner} has answered`)
  return moveTask(run, plan.id, 'anomaly', anomaly)
}

/** Holds the output against what code can check, then against the reviewer; the first that objects decides. */
async function validate(run: TeamRun, id: string): ReturnType<typeof moveTask> {
  const task = taskOf(run, id)
  const defects = await defectsOf(run, task)
  const review = defects.length > 0 ? ({ verdict: 'defect', reasons: defects } as const) : await reviewTask(run, task)
  if (run.isOver) return null
  const reasons = review.reasons ?? []
  switch (review.verdict) {
    case 'ok':
      run.board.write({ type: 'written', task: id, values: valuesOf(task) })
      await run.ctx.emit(`task.${id}`, 'task-done', { task: id, owner: task.owner })
      return moveTask(run, id, 'ok', 'its output stands')
    case 'anomaly':
      run.board.write({ type: 'defect', task: id, reasons: reasons.map((reason) => `anomaly: ${reason}`) })
      return moveTask(run, id, 'anomaly', reasons.join('; '))
    case 'defect':
      run.board.write({ type: 'defect', task: id, reasons })
      await rejected(run, id, reasons)
      if (run.repetition.isRepeated(task.plan.objective, task.output, reasons)) {
        return moveTask(run, id, 'repeated', `the same output was turned down for the same before: ${reasons.join('; ')}`)
      }
      return moveTask(run, id, 'defect', reasons.join('; '))
  }
}

async function defectsOf({ spec }: TeamRun, { plan, owner, output = null, evidence }: TaskState): Promise<readonly string[]> {
  const on = spec.defences
  const parsed = plan.output && on.outputSchema ? await parse(jsonSchema(plan.output), output) : undefined
  const paths = pathsOf(plan)
  const unwritten = paths.length > 1 && on.allPaths ? paths.filter((path) => valueAt(output, path) === undefined) : []
  const isTeam = spec.members.get(owner)?.kind === 'team'
  const isUnproved = spec.needsEvidence && !isTeam && evidence.length === 0
  return [
    ...(parsed && !parsed.ok ? [`the output does not fit its schema:\n${describeIssues(parsed.issues)}`] : []),
    ...unwritten.map((path) => `the output has nothing for '${path}', which this task is to write`),
    ...(isUnproved ? ['there is no evidence: a claim without evidence is not accepted'] : []),
    ...evidence.flatMap(({ fault: why }) => (why === undefined ? [] : [`evidence that does not stand: ${why}`])),
  ]
}

/** What a task writes: its output to its one path, or the parts of its output that its paths name. */
function valuesOf({ plan, output = null }: TaskState): Readonly<Record<string, JsonValue>> {
  const paths = pathsOf(plan)
  if (paths.length === 1) return { [paths[0] ?? plan.id]: output }
  return Object.fromEntries(paths.map((path) => [path, valueAt(output, path) ?? null]))
}

function valueAt(output: JsonValue, path: string): JsonValue | undefined {
  if (typeof output !== 'object' || output === null || Array.isArray(output)) return undefined
  const object = output as JsonObject
  return object[path] ?? object[path.slice(path.lastIndexOf('.') + 1)]
}

const NO_HISTORY: Pick<TaskState, 'defects' | 'findings'> = { defects: [], findings: [] }

function inputFor(
  run: TeamRun,
  task: TaskState,
): { task: string; context: JsonObject; budget: { timeMs: number; tokens?: number; costUsd?: number } } {
  const { spec, board } = run
  const { plan, owner, notes, handedOver } = task
  const { history, ownView, taskTools } = spec.defences
  const { defects, findings } = history ? task : NO_HISTORY
  const inputs = ownView ? inputsOf(board.state, plan) : { ...board.state.outputs, ...inputsOf(board.state, plan) }
  const colleagues = [...spec.members.keys()].filter((name) => name !== owner)
  const assignment: Assignment = {
    task: plan.id,
    ...(plan.output && { output: plan.output }),
    ...(plan.tools && taskTools && { tools: plan.tools }),
    needsEvidence: spec.needsEvidence,
    colleagues: spec.options.askMembers === false ? [] : colleagues,
    mayAskUser: spec.options.askUser !== false,
    brief: spec.asker.model ? shown(architectView(board.state, spec.views), spec.defences) : '',
  }
  return {
    task: memberPrompt({
      goal: board.state.goal.task,
      task: plan.id,
      objective: plan.objective,
      criteria: plan.criteria ?? [],
      inputs: Object.keys(inputs),
      needsEvidence: spec.needsEvidence,
      defects,
      findings,
      notes: notes.map(({ from, text }) => `${from}: ${text}`),
      ...(handedOver && { handedOver: { ...handedOver, state: JSON.stringify(handedOver.state) } }),
      colleagues,
    }),
    context: { ...inputs, [ASSIGNMENT]: jsonCopy(assignment) },
    budget: { timeMs: spec.taskTimeMs, ...shareOf(run, plan.budgetShare) },
  }
}

/** The task's part of what the team as a whole may use. */
function shareOf({ spec, input }: TeamRun, share: number | undefined): { tokens?: number; costUsd?: number } {
  if (share === undefined) return {}
  const { tokens, costUsd } = { ...spec.options.budget, ...input.budget }
  return { ...(tokens !== undefined && { tokens: Math.floor(tokens * share) }), ...(costUsd !== undefined && { costUsd: costUsd * share }) }
}
