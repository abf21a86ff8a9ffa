import type { EntryBodies } from '../client/entry.ts'
import { TroupeError } from '../errors/troupe-error.ts'
import type { ActionLog, CallRecord, RunContext } from '../engine/context.ts'
import type { Execution, Frame, Isolation } from '../sandbox/sandbox.ts'
import { assertNever } from '../util/assert-never.ts'
import { cutMiddle } from '../util/cut-middle.ts'
import type { JsonValue } from '../util/json.ts'
import { dropped } from '../util/never.ts'
import { callTool, logCalls, planCall } from './call-tool.ts'
import type { Callables } from './callables.ts'
import { MAX_PRINTS } from './observation.ts'
import type { StepPosition } from './kept-session.ts'
import { ActionReplay, Divergence, type PendingCall, type StartCalls } from './replay.ts'
import type { CodeStep, Recalled, RunSession } from './sessions.ts'

export interface CodeRunner {
  readonly agent: string
  readonly ctx: RunContext
  readonly session: RunSession
  readonly callables: Callables
  readonly isolation: Isolation
  readonly answerBytes: number
  /** Whether the step belongs to an ended run that is only looked back on. */
  readonly isPast: boolean
}

/** What the transcript is built from: the logged end of an action. */
export interface ActionEnd {
  readonly execution: Execution
  readonly prints: string
}

/** How long calls that were made have to end and be logged when the step is over by a fault that ends the run. */
const FATAL_GRACE_MS = 1_000

/** How often a session that died without the code's fault is built again. */
const MAX_REBUILDS = 2

/**
 * Runs one step of code in the run's session and gives its logged end. In a resume the same code is run again to
 * rebuild the session, its calls answered from the log; a poisoned step never is.
 */
export async function runCode(runner: CodeRunner, current: CodeStep): Promise<ActionEnd> {
  const { ctx, session } = runner
  for (let rebuilds = 0; ; rebuilds++) {
    const log = await ctx.action(current.step)
    if (log.ended?.poisoned) return finish(runner, log, log.ended)
    let recalled: Recalled = null
    try {
      recalled = await session.recall(current, log.ended !== null)
      if (recalled === 'passed' && log.ended) {
        session.ran(current)
        return await finish(runner, log, log.ended)
      }
      if (!session.isOpen) await rebuild(runner)
      const end = await execute(runner, current, log, typeof recalled === 'object' ? recalled : null)
      if (!end.poisoned) session.ran(current)
      return await finish(runner, log, end)
    } catch (error) {
      if (ctx.signal.aborted) return dropped()
      log.close()
      await session.discard()
      // What was kept may be at fault, and not the code: without it, the log alone decides.
      if (recalled !== null && (error instanceof Divergence || TroupeError.is(error, 'sandbox/closed'))) continue
      if (error instanceof Divergence && log.ended && runner.isPast) {
        await session.forget() // Its words are in the log; its variables cannot be had again.
        return finish(runner, log, log.ended)
      }
      if (error instanceof Divergence) {
        if (!log.ended) await settleUnknown(runner, current.step, log)
        return finish(runner, log, diverged(runner, current, await ctx.action(current.step), error))
      }
      if (!TroupeError.is(error, 'sandbox/closed')) throw error
      if (rebuilds === MAX_REBUILDS) return finish(runner, log, crashed(runner, current, error))
    }
  }
}

/** Writes how the action ended, unless the log knows: then the log's word counts. */
async function finish({ session }: CodeRunner, log: ActionLog, body: EntryBodies['action-end']): Promise<ActionEnd> {
  await log.end(body)
  if (body.poisoned) await session.discard()
  const { execution, prints } = log.ended ?? body
  return { execution: execution as JsonValue & Execution, prints }
}

/** Runs the earlier steps again in an empty session, all their calls answered from the log. */
async function rebuild(runner: CodeRunner): Promise<void> {
  for (const step of runner.session.steps) {
    const log = await step.ctx.action(step.step)
    try {
      if (log.ended && !log.ended.poisoned) await execute(runner, step, log, null)
    } finally {
      log.close()
    }
  }
}

/** Pulls the frames of one step in our own async context. The first fault of the engine aborts it and is thrown. */
async function execute(
  runner: CodeRunner,
  current: CodeStep,
  log: ActionLog,
  from: StepPosition | null,
): Promise<EntryBodies['action-end']> {
  const { isolation } = runner
  const { ctx, step, code } = current
  const session = await runner.session.open()
  const over = new AbortController()
  const signal = AbortSignal.any([ctx.signal, over.signal]) // one for all calls of the step, not one for each
  const start: StartCalls = (frames, records) => startCalls({ ...runner, ctx }, log, step, frames, records, signal)
  const replay = new ActionReplay(log, session, start, from?.settled)
  const written: Promise<void>[] = []
  const note = (writing: Promise<void>): void => {
    writing.catch(() => {}) // Its fault is met below, unless another one comes first.
    written.push(writing)
  }
  const prints: string[] = []
  const print = (text: string): void => {
    prints.push(text)
    note(ctx.emit(`${step}.print.${prints.length}`, 'print', { step, text }))
  }
  const position = (): StepPosition | null => (replay.settled === null ? null : { settled: replay.settled, prints: [...prints] })
  try {
    const { clock, seed } = log
    for (const text of from?.prints ?? []) print(text)
    const frames = from === null ? session.execute(code, { step, signal: ctx.signal, clock, seed }) : session.resume({ signal: ctx.signal })
    runner.session.runs(current, position)
    for await (const frame of replay.frames(frames)) {
      switch (frame.type) {
        case 'print':
          print(frame.text)
          break
        case 'call':
          replay.call(frame)
          break
        case 'idle':
          replay.idle()
          break
        case 'returned':
          replay.returned()
          break
        case 'end':
          replay.end()
          await Promise.all(written)
          return { ...summary(frame, prints), step, isolation }
        default:
          assertNever(frame)
      }
    }
  } catch (error) {
    const isFatal = !TroupeError.is(error, 'sandbox/closed')
    if (isFatal) over.abort()
    if (isFatal) log.close() // Nobody is there to take the answer of a question that is still open.
    else log.quiet(true)
    await replay.drain(ctx.signal, isFatal ? FATAL_GRACE_MS : Infinity)
    throw error
  } finally {
    over.abort()
  }
  throw new TroupeError('sandbox/closed', `the sandbox ended step ${step} without saying how`)
}

function summary(frame: Extract<Frame, { type: 'end' }>, prints: readonly string[]): Omit<EntryBodies['action-end'], 'step' | 'isolation'> {
  const { execution, fuel, poisoned } = frame
  return { execution: execution as JsonValue & Execution, prints: cutMiddle(prints.join('\n'), MAX_PRINTS), fuel, poisoned }
}

/** Logs the calls of a turn in one append and has each done. */
async function startCalls(
  runner: CodeRunner,
  action: ActionLog,
  step: number,
  frames: readonly Extract<Frame, { type: 'call' }>[],
  records: ReadonlyMap<number, CallRecord>,
  signal: AbortSignal,
): Promise<readonly PendingCall[]> {
  const { agent, ctx, callables, answerBytes } = runner
  const site = { agent, callables, ctx, step }
  const plans = await Promise.all(frames.map(({ call, tool, args }) => planCall(site, { call, tool, args }, records.get(call))))
  await logCalls(plans, action, ctx)
  return plans.map((plan) => ({
    call: plan.call,
    tool: plan.tool,
    agent: plan.type === 'agent',
    outcome: callTool(plan, { ...site, action, signal, answerBytes }),
  }))
}

/**
 * Asks about the calls that were begun and whose outcome nobody knows, before the model goes on without their code: it
 * would make them again unknowing. What is decided is their answer in the log.
 */
async function settleUnknown(runner: CodeRunner, step: number, log: ActionLog): Promise<void> {
  const { agent, ctx, callables, answerBytes } = runner
  const site = { agent, callables, ctx, step }
  const unknown = log.recorded.filter((record) => record.started && record.answer === null)
  await Promise.all(
    unknown.map(async (record) => {
      const plan = await planCall(site, record, record)
      if (plan.type !== 'tool' || plan.asks.length === 0) return
      const { answer, durationMs } = await callTool(plan, { ...site, action: log, signal: ctx.signal, answerBytes })
      await log.settled([{ call: record.call, tool: record.tool, answer, durationMs, agent: false }])
    }),
  )
}

/** The model is told what had happened already, so that it can go on from there. */
function diverged({ isolation }: CodeRunner, { step }: CodeStep, log: ActionLog, error: Divergence): EntryBodies['action-end'] {
  if (log.ended) {
    throw new TroupeError(
      'run/incompatible',
      `step ${step} does not do again what its log says: ${error.message}. Tools or sandbox have changed since; run it with the version that began it`,
    )
  }
  const ended = log.recorded
    .filter((record) => record.answer !== null)
    .map((record) => `${record.tool}(${record.args}) gave ${textOf(record)}`)
  const list = ended.length === 0 ? 'None of its calls had ended.' : `These calls had ended, do not repeat them:\n${ended.join('\n')}`
  const unknown = log.recorded.filter((record) => record.started && record.answer === null).map(({ tool, args }) => `${tool}(${args})`)
  const open = unknown.length === 0 ? '' : `\nThese were begun, and it is not known whether they had their effect:\n${unknown.join('\n')}`
  const message = `the code was interrupted and could not be resumed, because it did not do the same again: ${error.message}.\n${list}${open}\nIts variables are lost.`
  return faultBody(step, isolation, { kind: 'crash', name: 'NonDeterministicError', message })
}

function textOf({ answer }: CallRecord): string {
  if (!answer) return 'nothing'
  return answer.ok ? cutMiddle(answer.value, 500) : `${answer.error.name}: ${answer.error.message}`
}

function crashed({ isolation }: CodeRunner, { step }: CodeStep, error: TroupeError): EntryBodies['action-end'] {
  const message = `the sandbox died ${MAX_REBUILDS + 1} times while this code ran (${error.message}). Its calls stand, its variables are lost.`
  return faultBody(step, isolation, { kind: 'crash', name: 'SandboxCrash', message })
}

function faultBody(step: number, isolation: Isolation, error: Extract<Execution, { type: 'error' }>['error']): EntryBodies['action-end'] {
  const execution: Execution = { type: 'error', error }
  return { step, execution: execution as JsonValue & Execution, prints: '', fuel: 0, poisoned: true, isolation }
}
