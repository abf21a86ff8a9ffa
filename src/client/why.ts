import type { ErrorJson } from '../errors/troupe-error.ts'
import { assertNever } from '../util/assert-never.ts'
import { isInTree } from '../util/run-id.ts'
import { callIdOf, callKeyOf, isEntry, type Entry, type RunStatus, type Wait, type WaitReason } from './entry.ts'
import { openWaitsOf, statusOf } from './fold.ts'

/** How a run stands in the queue, as far as it tells why the run stands still. */
export interface QueuePlace {
  readonly status: 'queued' | 'running' | 'parked' | 'dead'
  readonly attempts: number
  readonly maxAttempts: number
  readonly lastError: string | null
  /** Milliseconds since 1970. */
  readonly notBefore: number | null
}

/** What is known of a run besides its log. */
export interface WhySource {
  readonly queue: QueuePlace | null
  /** Whether a worker takes runs of the store; undefined: not asked. */
  readonly isServed?: boolean
  /** The agent that is configured here has another major version than the one that the run belongs to. */
  readonly otherVersion?: { readonly known: string; readonly here: string }
}

/** Where in a tree something happened. */
export interface Place {
  readonly runId: string
  readonly agent: string
  /** Of that run; absent: before its first. */
  readonly step?: number
  readonly callId?: string
  /** The tool or the agent that was called. */
  readonly call?: string
}

export interface WhyWait extends Wait {
  readonly place: Place
  /** When it goes on by itself, ISO 8601. */
  readonly until?: string
  /** Commands that answer it; RUN and the rest are filled in. */
  readonly answers: readonly string[]
}

/** Why a run stands as it does: what happened, where, and what can be done about it. */
export interface Why {
  readonly runId: string
  readonly status: RunStatus | 'waiting' | 'queued' | 'running'
  /** One sentence. */
  readonly summary: string
  readonly place: Place | null
  /** Why the run ended so, or broke the last time. */
  readonly error: Pick<ErrorJson, 'code' | 'message'> | null
  /** The last call that failed in the same step, which may be the cause. */
  readonly failedCall: (Place & { readonly error: string }) | null
  readonly waits: readonly WhyWait[]
  /** What to do next; null: nothing. */
  readonly hint: string | null
}

type Told = Pick<Why, 'status' | 'summary'> & Partial<Why>

/** Tells why a run stands as it does, from the logs of its tree. Undefined: there is no such run in the tree. */
export function whyOf(runId: string, tree: readonly Entry[], source: WhySource): Why | undefined {
  const own = tree.filter((entry) => entry.run === runId)
  if (own.length === 0) return undefined
  const below = tree.filter((entry) => isInTree(entry.run, runId))
  const told = endTold(runId, own, below) ?? openTold(runId, own, below, source)
  return { runId, place: null, error: null, failedCall: null, waits: [], hint: null, ...told }
}

function endTold(runId: string, own: readonly Entry[], tree: readonly Entry[]): Told | undefined {
  const end = own.findLast((entry) => entry.type === 'run-end')
  if (!end || !isEntry(end, 'run-end')) return undefined
  const { status, error = null, steps } = end.body
  const place = placeOf(own)
  const at = placeText(place)
  switch (status) {
    case 'done':
      return { status, summary: `it is done, in ${steps} ${steps === 1 ? 'step' : 'steps'}` }
    case 'cancelled':
      return { status, summary: `it was cancelled ${at}: ${error?.message ?? 'no reason was given'}`, place, error }
    case 'limit':
      return {
        status,
        summary: `it came to a limit ${at}: ${error?.message ?? 'which one, its log does not say'}`,
        place,
        error,
        hint: forkHint(runId, place),
      }
    case 'failed': {
      const failedCall = failedCallOf(own, tree)
      const isDead = error?.code === 'queue/dead-letter'
      const summary = isDead
        ? `it is a dead letter: ${error.message}`
        : `it failed ${at}: ${error ? `${error.code}: ${error.message}` : 'its log does not say why'}`
      return { status, summary, place, error, failedCall, hint: `when that is mended: troupe runs redrive ${runId}` }
    }
    default:
      return assertNever(status)
  }
}

function openTold(runId: string, own: readonly Entry[], tree: readonly Entry[], source: WhySource): Told {
  const { queue, otherVersion } = source
  const place = placeOf(own)
  if (queue?.status === 'dead') return deadTold(runId, place, queue)
  const waits = waitsOf(tree)
  const isWaiting = statusOf(own) === 'waiting'
  if (isWaiting && waits.length > 0) {
    const others = waits.length === 1 ? '' : `, and for ${waits.length - 1} more`
    const [first] = waits
    return {
      status: 'waiting',
      summary: `it waits ${first ? waitText(first) : ''}${others}`,
      place: first?.place ?? place,
      waits,
      hint: waitHint(runId, waits),
    }
  }
  const elsewhere = calledElsewhere(tree)
  if (isWaiting && elsewhere) {
    return {
      status: 'waiting',
      summary: `it waits for run ${elsewhere.childRunId} of ${elsewhere.agent}, which runs on its own`,
      place,
      hint: `troupe runs why ${elsewhere.childRunId}`,
    }
  }
  if (queue?.status === 'queued') return queuedTold(place, queue, source)
  if (otherVersion) {
    return {
      status: 'running',
      summary: `it belongs to version ${otherVersion.known} of its agent, and here is ${otherVersion.here}: a run goes on with the same major version only (run/incompatible)`,
      place,
      waits,
      hint: `resume it where that version is configured, or go on with this one: troupe resume ${runId} --adopt`,
    }
  }
  return {
    status: 'running',
    summary: `it has no end yet; ${lastText(own, place)}`,
    place: { ...place, ...openCall(own) },
    waits,
    hint: openHint(runId, isWaiting, source),
  }
}

function deadTold(runId: string, place: Place, { lastError, attempts }: QueuePlace): Told {
  const error = errorOf(lastError)
  const hint =
    error?.code === 'run/incompatible'
      ? `resume it with the version that began it, or go on with the one at hand: troupe resume ${runId} --adopt`
      : `when that is mended: troupe resume ${runId}; or troupe runs cancel ${runId}`
  const summary = `it lies as a dead letter since attempt ${attempts}, which could not go on ${placeText(place)}: ${lastError ?? 'why, nobody noted'}`
  return { status: 'queued', summary, place, error, hint }
}

function queuedTold(place: Place, { attempts, maxAttempts, lastError, notBefore }: QueuePlace, { isServed }: WhySource): Told {
  const when = notBefore === null ? 'for its turn' : `until ${new Date(notBefore).toISOString()}`
  const before = lastError === null ? '' : `; attempt ${attempts} of ${maxAttempts} broke ${placeText(place)}: ${lastError}`
  const hint = isServed === false ? 'no worker serves this store: start one with troupe worker' : null
  return { status: 'queued', summary: `it is queued and waits ${when}${before}`, place, error: errorOf(lastError), hint }
}

/** The questions of the tree that are open, each with how it is answered. */
function waitsOf(tree: readonly Entry[]): readonly WhyWait[] {
  const logs = [...Map.groupBy(tree, ({ run }) => run).values()].filter((log) => !log.some(({ type }) => type === 'run-end'))
  return logs.flatMap((log) =>
    openWaitsOf(log).map((wait) => {
      const start = log.find((entry) => entry.type === 'wait-start' && callIdOf(entry.run, entry.key ?? '') === wait.callId)
      const body = start && isEntry(start, 'wait-start') ? start.body : undefined
      const asked = log.findLast((entry) => entry.type === 'approval-wanted' && callIdOf(entry.run, entry.key ?? '') === wait.callId)
      const call = asked && isEntry(asked, 'approval-wanted') ? asked.body.tool : undefined
      const place = { ...placeOf(log), callId: wait.callId, ...(call !== undefined && { call }) }
      return {
        ...wait,
        place,
        ...(body?.until !== undefined && { until: new Date(body.until).toISOString() }),
        answers: answersTo(wait.reason, place.runId, wait.callId, body?.topic),
      }
    }),
  )
}

function answersTo(reason: WaitReason, run: string, callId: string, topic: string | undefined): readonly string[] {
  const call = callId.slice(callId.indexOf(':') + 1)
  switch (reason) {
    case 'approval':
      return [`troupe runs approve ${run} ${call}`, `troupe runs reject ${run} ${call} --reason TEXT`]
    case 'unknown-outcome':
      return [
        `troupe runs approve ${run} ${call}                 (run it again)`,
        `troupe runs approve ${run} ${call} --result JSON   (it had happened, with this result)`,
        `troupe runs reject ${run} ${call} --reason TEXT    (tell the model that it failed)`,
      ]
    case 'signal':
      return [`troupe runs signal ${run} ${topic ?? 'TOPIC'} JSON`]
    case 'timer':
      return []
    default:
      return assertNever(reason)
  }
}

function waitText({ reason, question, place, until }: WhyWait): string {
  const at = placeText(place)
  switch (reason) {
    case 'approval':
      return `for an approval ${at}: ${question}`
    case 'unknown-outcome':
      return `for somebody to say what became of a call ${at}: ${question}`
    case 'signal':
      return `for a signal ${at}${question === '' ? '' : `: ${question}`}${until === undefined ? '' : `, until ${until}`}`
    case 'timer':
      return `for a time ${at}: ${until ?? 'unknown'}`
    default:
      return assertNever(reason)
  }
}

function waitHint(runId: string, waits: readonly WhyWait[]): string {
  return waits.every(({ reason }) => reason === 'timer')
    ? `it goes on by itself where a process follows it or a worker has it, else with troupe resume ${runId}`
    : `answer it; it goes on by itself where a process follows it or a worker has it, else with troupe resume ${runId}`
}

/** The end of a called run is waited for by a topic of its own. */
function calledElsewhere(tree: readonly Entry[]): { readonly agent: string; readonly childRunId: string } | undefined {
  const ended = new Set(tree.flatMap((entry) => (isEntry(entry, 'agent-end') ? [entry.body.childRunId] : [])))
  const waited = tree.flatMap((entry) => (isEntry(entry, 'wait-start') ? [entry.body.topic ?? ''] : []))
  const calls = tree.flatMap((entry) => (isEntry(entry, 'agent-start') ? [entry.body] : []))
  return calls.find(({ childRunId }) => !ended.has(childRunId) && waited.includes(`end:${childRunId}`))
}

function openHint(runId: string, isAnswered: boolean, { queue, isServed }: WhySource): string | null {
  if (queue && isServed === false) return `no worker serves this store any more: start one with troupe worker, or troupe resume ${runId}`
  if (queue?.status === 'running') return null
  if (queue?.status === 'parked') return 'a worker goes on with it'
  return isAnswered
    ? `it was answered: unless a process follows it, troupe resume ${runId}`
    : `unless a process is on it: troupe resume ${runId}`
}

/** What a run was about when its log broke off. */
function lastText(own: readonly Entry[], place: Place): string {
  const open = openCall(own)
  const at = placeText(place)
  if (open) return `the call of ${open.call} ${at} has no answer yet`
  const asks = place.step !== undefined && !own.some((entry) => isEntry(entry, 'model-end') && entry.body.step === place.step)
  return asks ? `the model was to be asked ${at}` : `the last that is logged is '${own.at(-1)?.type}' ${at}`
}

/** The last call that was begun and has no answer. */
function openCall(own: readonly Entry[]): { readonly callId: string; readonly call: string } | undefined {
  const answered = new Set(
    own.filter(({ type }) => type === 'tool-end' || type === 'call-settled' || type === 'agent-end').map(({ key }) => key),
  )
  const open = own.findLast((entry) => (entry.type === 'tool-start' || entry.type === 'agent-start') && !answered.has(entry.key))
  if (!open) return undefined
  const callId = callIdOf(open.run, open.key ?? '')
  if (isEntry(open, 'tool-start')) return { callId, call: open.body.tool }
  return isEntry(open, 'agent-start') ? { callId, call: open.body.agent } : undefined
}

/** The last call of the last step that failed; of a called agent, the call in it that did, at the bottom. */
function failedCallOf(own: readonly Entry[], tree: readonly Entry[]): (Place & { readonly error: string }) | null {
  const since = own.findLastIndex(({ type }) => type === 'step-start')
  const failed = own.slice(Math.max(0, since)).findLast((entry) => callError(entry) !== undefined)
  if (!failed) return null
  if (isEntry(failed, 'agent-end')) {
    const child = tree.filter(({ run }) => run === failed.body.childRunId)
    const deeper = child.length === 0 ? null : failedCallOf(child, tree)
    if (deeper) return deeper
  }
  const call = isEntry(failed, 'agent-end') ? failed.body.agent : isEntry(failed, 'tool-end') ? failed.body.tool : 'the model'
  const callId = failed.type === 'model-end' ? {} : { callId: callIdOf(failed.run, callKeyOf(failed.key ?? '')) }
  return { ...placeOf(own), ...callId, call, error: callError(failed) ?? '' }
}

function callError(entry: Entry): string | undefined {
  if (isEntry(entry, 'tool-end'))
    return entry.body.answer.ok ? undefined : `${entry.body.answer.error.name}: ${entry.body.answer.error.message}`
  if (isEntry(entry, 'model-end')) return 'error' in entry.body ? `${entry.body.error.code}: ${entry.body.error.message}` : undefined
  if (!isEntry(entry, 'agent-end') || entry.body.status === 'done') return undefined
  const { status, error } = entry.body
  return error ? `${status}: ${error.code}: ${error.message}` : status
}

/** Where a run stands: its agent and the last step that it has begun. */
function placeOf(log: readonly Entry[]): Place {
  const [start] = log
  const last = log.findLast((entry) => entry.type === 'step-start')
  const agent = start && isEntry(start, 'run-start') ? start.body.agent : ''
  return { runId: start?.run ?? '', agent, ...(last && isEntry(last, 'step-start') && { step: last.body.step }) }
}

function placeText({ agent, step, call }: Place): string {
  const whose = step === undefined ? `of ${agent}` : `in step ${step} of ${agent}`
  return call === undefined ? whose : `(${call}) ${whose}`
}

function forkHint(runId: string, { step }: Place): string | null {
  return step === undefined ? null : `a run with the same beginning: troupe runs fork ${runId} --step ${step}`
}

/** `code: message` as the queue keeps it. */
function errorOf(text: string | null): Pick<ErrorJson, 'code' | 'message'> | null {
  const parts = /^([a-z]+\/[a-z-]+): ([^]*)$/.exec(text ?? '')
  return parts ? { code: (parts[1] ?? '') as ErrorJson['code'], message: parts[2] ?? '' } : null
}
