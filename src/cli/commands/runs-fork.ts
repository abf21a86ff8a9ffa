import { absentModel } from '../absent-model.ts'
import { castOf, checkAgent } from '../agents.ts'
import type { Command } from '../command.ts'
import { loadConfig } from '../config.ts'
import { EXIT } from '../exit-code.ts'
import { numberFlag, secondsFlag, textFlag, usageError } from '../flags.ts'
import { follow } from '../follow.ts'
import { note, printJson, printLine } from '../output.ts'
import { AGENT_FLAGS, STORE_FLAGS, WAIT_FLAG } from '../shared-flags.ts'
import { keptAddress, storeOf } from '../stores.ts'
import { openWorkplace } from '../workplace.ts'

export const runsForkCommand: Command = {
  usage: 'RUN',
  about:
    'Makes a new run whose log begins with the entries of RUN before a step, and prints its id; `troupe resume` runs it. The code of the earlier steps runs again, their effects do not.',
  positionals: [1, 1],
  flags: { step: { type: 'string', value: 'N', about: 'the first step that the new run takes by itself' }, ...STORE_FLAGS },

  async run({ positionals, flags }) {
    const runId = positionals[0] ?? ''
    const step = numberFlag(flags, 'step', { min: 1 })
    if (step === undefined) throw usageError('--step is missing: troupe runs fork RUN --step N')
    await using runtime = await storeOf(runId, flags)
    const forked = await runtime.fork(runId, { step })
    if (flags['json']) await printJson({ runId: forked, forkedFrom: { run: runId, step } })
    else {
      await printLine(forked)
      await note(`run it with: troupe resume ${forked}`)
    }
    return EXIT.done
  },
}

export const runsRedriveCommand: Command = {
  usage: 'RUN',
  about:
    'Tries a run that failed once more, as a new run that begins before the step in which it did; it is run here and followed as `troupe resume` does. A dead letter that has no end yet is resumed instead.',
  positionals: [1, 1],
  flags: { ...AGENT_FLAGS, wait: WAIT_FLAG, ...STORE_FLAGS },

  async run({ positionals, flags }) {
    const runId = positionals[0] ?? ''
    const waitMs = secondsFlag(flags, 'wait')
    const json = flags['json'] === true
    const config = await loadConfig(textFlag(flags, 'config'))
    const address = keptAddress(textFlag(flags, 'store') ?? config.store)
    const { model, asked } = absentModel()
    const cast = await castOf(config, flags, model)
    await using place = await openExisting()
    const { runtime } = place
    checkAgent(cast, await runtime.get(runId))
    const forked = await runtime.redrive(runId)
    const { forkedFrom } = await runtime.get(forked)
    if (json) await printJson({ type: 'run-forked', runId: forked, forkedFrom: forkedFrom ?? null })
    else await note(`run ${forked}, from step ${forkedFrom?.step ?? 1} of ${runId}`)
    const known = new Map((await runtime.entries(forked)).map((entry) => [entry.run, entry.seq]))
    return await follow({ ...place, run: runtime.resume(forked), known, lost: asked, resumeHint: place.resumeHint(forked) })

    /** Looking for a run makes no store. */
    async function openExisting(): ReturnType<typeof openWorkplace> {
      await (await storeOf(runId, flags))[Symbol.asyncDispose]()
      return openWorkplace({ address, cast, config, json, waitMs })
    }
  },
}
