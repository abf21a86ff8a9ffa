import type { Runtime } from '../../engine/runtime.ts'
import { TroupeError } from '../../errors/troupe-error.ts'
import { absentModel } from '../absent-model.ts'
import { castOf, checkAgent } from '../agents.ts'
import type { Command, FlagValues } from '../command.ts'
import { loadConfig } from '../config.ts'
import { EXIT } from '../exit-code.ts'
import { textFlag } from '../flags.ts'
import { printJson, printLine } from '../output.ts'
import { LANGUAGE_FLAG, SANDBOX_FLAG, STORE_FLAGS } from '../shared-flags.ts'
import { storeOf } from '../stores.ts'

export const runsExportCommand: Command = {
  usage: 'RUN',
  about:
    'Prints a tape of a run: what its models were asked and have answered, for --model tape:FILE. The agents must be configured as for resume; no model or tool is called.',
  positionals: [1, 1],
  flags: {
    log: { type: 'boolean', about: 'the log of the run and of all runs below it instead, one entry a line, in the order of writing' },
    language: LANGUAGE_FLAG,
    sandbox: SANDBOX_FLAG,
    ...STORE_FLAGS,
  },

  async run({ positionals, flags }) {
    const runId = positionals[0] ?? ''
    await using runtime = await storeOf(runId, flags)
    await (flags['log'] ? printLog(runtime, runId) : printTape(runtime, runId, flags))
    return EXIT.done
  },
}

async function printLog(runtime: Runtime, runId: string): Promise<void> {
  const entries = await runtime.entries(runId)
  if (entries.length === 0) throw new TroupeError('run/not-found', `no run ${runId} in this store`)
  for (const entry of entries) await printJson(entry)
}

async function printTape(runtime: Runtime, runId: string, flags: FlagValues): Promise<void> {
  const run = await runtime.get(runId)
  if (run.parentRunId !== undefined) {
    throw new TroupeError('run/not-found', `run ${runId} is part of ${run.parentRunId}: export the run at the top`)
  }
  const { model: _, ...config } = await loadConfig(textFlag(flags, 'config')) // whose key may be missing here: it is not asked
  const cast = await castOf(config, flags, absentModel().model)
  checkAgent(cast, run)
  const { tapeOfRun } = await import('../../testing/tape-of-run.ts')
  const { TAPE_HEADER, tapeLine } = await import('../../models/tape/tape.ts')
  const tape = await tapeOfRun(runtime, runId, Object.values(cast.agents))
  await printLine(TAPE_HEADER)
  for (const record of tape) await printLine(tapeLine(record))
}
