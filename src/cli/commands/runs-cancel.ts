import type { Command } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { printJson, printLine } from '../output.ts'
import { runLine } from '../run-summary.ts'
import { STORE_FLAGS } from '../shared-flags.ts'
import { storeOf } from '../stores.ts'

export const runsCancelCommand: Command = {
  usage: 'RUN',
  about: 'Ends a run and all runs below it as cancelled, wherever it stands. A run that has ended stays as it is.',
  positionals: [1, 1],
  flags: STORE_FLAGS,

  async run({ positionals, flags }) {
    const runId = positionals[0] ?? ''
    await using runtime = await storeOf(runId, flags)
    await runtime.cancel(runId, 'cancelled with `troupe runs cancel`')
    const run = runLine(await runtime.get(runId))
    if (flags['json']) await printJson(run)
    else await printLine(run.error?.code === 'run/cancelled' ? `cancelled ${runId}` : `${runId} had ended before: ${run.status}`)
    return EXIT.done
  },
}
