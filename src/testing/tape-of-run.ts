import { isAskedModel } from '../agent/ask.ts'
import type { Agent } from '../agent/agent.ts'
import { isEntry, type Entry, type LoggedReply } from '../client/entry.ts'
import { lookThrough } from '../engine/look-through.ts'
import type { Runtime } from '../engine/runtime.ts'
import { TroupeError } from '../errors/troupe-error.ts'
import type { ModelReply } from '../models/model.ts'
import { canonicalPrompt } from '../models/tape/canonical.ts'
import { loggedAnswer } from '../models/tape/logged-answer.ts'
import type { Tape, TapeRecord } from '../models/tape/tape.ts'
import { isInTree } from '../util/run-id.ts'

/**
 * A tape of any run of a store, ended or not: the answers are in its log, the prompts are found by running the agent's
 * code over it once more. No model and no tool is called, `beforeModel` hooks are. With `tapeModel`, the same task
 * gets the same answers again.
 *
 * `agents` are looked for by name. Throws `run/not-found`, `config/unknown-agent`, and `run/incompatible` when the
 * agent's code does not do again what the log says.
 */
export async function tapeOfRun(runtime: Runtime, runId: string, agents: readonly Agent[]): Promise<Tape> {
  const tree = await runtime.entries(runId)
  const starts = tree.filter((entry) => isEntry(entry, 'run-start'))
  if (starts.length === 0) throw new TroupeError('run/not-found', `no run ${runId} in this store`)
  const cast = new Map<string, Agent>()
  for (const start of starts) cast.set(start.run, agentOf(start, cast, agents))

  const records = new Map<Entry, TapeRecord>()
  for (const { run, body } of starts) {
    const agent = cast.get(run)
    const past = await Promise.all((body.sessionRuns ?? []).map((earlier) => runtime.entries(earlier)))
    const own = tree.filter((entry) => isInTree(entry.run, run))
    for (const [entry, record] of agent ? await recordsOf(run, [...own, ...past.flat()], agent) : []) records.set(entry, record)
  }
  return tree.flatMap((entry) => records.get(entry) ?? [])
}

/** The agent of a run: the one at the top by its name, one below it among those that its caller may call. */
function agentOf({ run, body }: Entry<'run-start'>, cast: ReadonlyMap<string, Agent>, agents: readonly Agent[]): Agent {
  const parent = body.parentRunId === undefined ? undefined : cast.get(body.parentRunId)
  const among = parent ? parent.agents : agents
  const agent = among.find(({ name }) => name === body.agent)
  if (agent) return agent
  const names = among.map(({ name }) => name).join(', ') || 'none'
  throw new TroupeError(
    'config/unknown-agent',
    `run ${run} is of agent '${body.agent}', which ${parent ? `${parent.name} has not` : 'is not configured here'}; there are ${names}`,
  )
}

/** What the models of one run were asked and have answered, by the entry of the answer. */
async function recordsOf(run: string, entries: readonly Entry[], agent: Agent): Promise<Map<Entry, TapeRecord>> {
  const asked = new Map((await lookThrough(entries, agent)).map((step) => [step.key, step.asked]))
  const records = new Map<Entry, TapeRecord>()
  for (const entry of entries) {
    if (entry.run !== run || !isEntry(entry, 'model-end') || 'error' in entry.body) continue
    const question = asked.get(entry.key ?? '')
    if (!isAskedModel(question)) throw isNotAskedAgain(run, entry.key ?? '')
    const prompt = canonicalPrompt(await question.prompt())
    records.set(entry, { by: question.mark, prompt, answer: loggedAnswer(replyOf(entry.body.value, entry)) })
  }
  return records
}

function isNotAskedAgain(run: string, key: string): TroupeError {
  return new TroupeError(
    'run/incompatible',
    `run ${run} has an answer at '${key}', and the agent's code does not ask for it again: has it changed?`,
  )
}

/** Every reader may rely on less than models/ask has written. */
function replyOf(reply: LoggedReply, { run, key }: Entry): ModelReply {
  if ('finishReason' in reply && 'toolCalls' in reply) return reply as ModelReply
  throw new TroupeError('engine/log-corrupt', `run ${run}: the answer '${key}' in the log is no whole answer of a model`)
}
