import type { RunEvent } from '../../client/event.ts'
import { prospectOf } from '../../engine/answered.ts'
import { Projector } from '../../engine/hub.ts'
import type { RunView } from '../../engine/run.ts'
import type { Runtime } from '../../engine/runtime.ts'
import { TroupeError } from '../../errors/troupe-error.ts'
import { absentModel } from '../absent-model.ts'
import { castOf, checkAgent, checkPlaced, recorded } from '../agents.ts'
import type { Command, CommandInput } from '../command.ts'
import { loadConfig } from '../config.ts'
import { EXIT, exitCodeOf } from '../exit-code.ts'
import { secondsFlag, textFlag } from '../flags.ts'
import { follow } from '../follow.ts'
import { AGENT_FLAGS, RECORD_FLAG, STORE_FLAGS, WAIT_FLAG } from '../shared-flags.ts'
import { keptAddress, storeOf } from '../stores.ts'
import { openView, viewKind } from '../view/open-view.ts'
import { openWorkplace } from '../workplace.ts'

export const resumeCommand: Command = {
  usage: 'RUN',
  about:
    'Goes on with a run after a crash, a stop or an answer, and shows what is new. One that is queued is taken from there, unless a worker has it. Of a run that has ended the end is shown again.',
  positionals: [1, 1],
  flags: {
    adopt: {
      type: 'boolean',
      about: 'with the agent at hand, though another version began the run; what its code does not ask for again is passed over',
    },
    ...AGENT_FLAGS,
    record: { ...RECORD_FLAG, about: 'goes on with a tape of the run' },
    wait: WAIT_FLAG,
    ...STORE_FLAGS,
  },

  async run({ positionals, flags }: CommandInput): Promise<number> {
    const runId = positionals[0] ?? ''
    const waitMs = secondsFlag(flags, 'wait')
    const json = flags['json'] === true
    const config = await loadConfig(textFlag(flags, 'config'))
    const address = keptAddress(textFlag(flags, 'store') ?? config.store)

    const standing = await standingOf(runId, flags)
    if (standing.view.status !== 'running' && standing.view.status !== 'waiting') return showLast(standing, 'run-end', json)
    const { model, asked } = absentModel()
    const configured = await castOf(config, flags, model)
    checkAgent(configured, standing.view)
    checkPlaced(Object.values(configured.agents).filter(({ name }) => name === standing.view.agent))
    const cast = await recorded(configured, textFlag(flags, 'record'), { append: true })

    await using place = await openWorkplace({ address, cast, config, json, waitMs })
    if (standing.view.status === 'waiting' && !standing.answered && place.approvals !== 'ask' && waitMs === undefined) {
      return showLast(standing, 'run-waiting', json)
    }
    const run = place.runtime.resume(runId, { adopt: flags['adopt'] === true })
    return await follow({ ...place, run, known: standing.known, lost: asked, resumeHint: place.resumeHint(runId) })
  },
}

/** A run as its log tells it before anything is done about it. */
interface Standing {
  readonly view: RunView
  readonly events: readonly RunEvent[]
  readonly known: ReadonlyMap<string, number>
  /** An answer is there that its wait has not taken yet. */
  readonly answered: boolean
}

async function standingOf(runId: string, flags: CommandInput['flags']): Promise<Standing> {
  await using runtime: Runtime = await storeOf(runId, flags)
  const entries = await runtime.entries(runId)
  const view = await runtime.get(runId)
  if (view.parentRunId !== undefined) {
    throw new TroupeError('run/not-found', `run ${runId} is part of ${view.parentRunId}: resume the run at the top`)
  }
  const projector = new Projector()
  const events = entries.flatMap((entry) => projector.project(entry) ?? [])
  const { answered, until } = prospectOf(entries)
  return { view, events, known: new Map(entries.map((entry) => [entry.run, entry.seq])), answered: answered || until !== undefined }
}

/** Nothing can go on: says again how the run stands. */
async function showLast({ view: { runId }, events }: Standing, type: 'run-end' | 'run-waiting', json: boolean): Promise<number> {
  const last = events.findLast((event) => event.type === type && event.runId === runId)
  const view = await openView(viewKind(json))
  if (last) await view.show(last)
  return last?.type === 'run-end' ? exitCodeOf(last) : EXIT.waiting
}
