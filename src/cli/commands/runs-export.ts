import { TroupeError } from '../../errors/troupe-error.ts'
import type { Command } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { printJson } from '../output.ts'
import { STORE_FLAGS } from '../shared-flags.ts'
import { storeOf } from '../stores.ts'

export const runsExportCommand: Command = {
  usage: 'RUN',
  about: 'Prints the log of a run and of all runs below it, one entry a line as JSON, in the order of writing.',
  positionals: [1, 1],
  flags: STORE_FLAGS,

  async run({ positionals, flags }) {
    const runId = positionals[0] ?? ''
    await using runtime = await storeOf(runId, flags)
    const entries = await runtime.entries(runId)
    if (entries.length === 0) throw new TroupeError('run/not-found', `no run ${runId} in this store`)
    for (const entry of entries) await printJson(entry)
    return EXIT.done
  },
}
