import type { Command } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { numberFlag } from '../flags.ts'
import { STORE_FLAGS } from '../shared-flags.ts'
import { storeOf } from '../stores.ts'
import { openView } from '../view/open-view.ts'

export const runsEventsCommand: Command = {
  usage: 'RUN',
  about: 'Shows the events of a run and of all runs below it so far.',
  positionals: [1, 1],
  flags: { after: { type: 'string', value: 'SEQ', about: 'only those after this seq of the run' }, ...STORE_FLAGS },

  async run({ positionals, flags }) {
    const runId = positionals[0] ?? ''
    const after = numberFlag(flags, 'after', { min: 0 }) ?? 0
    await using runtime = await storeOf(runId, flags)
    const view = await openView(flags['json'] ? 'json' : process.stdout.isTTY ? 'live' : 'plain')
    for await (const event of runtime.events(runId, { after })) await view.show(event)
    await view.settle()
    return EXIT.done
  },
}
