import type { Command } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { parseJson } from '../flags.ts'
import { printJson, printLine } from '../output.ts'
import { STORE_FLAGS } from '../shared-flags.ts'
import { storeOf } from '../stores.ts'

export const runsSignalCommand: Command = {
  usage: 'RUN TOPIC JSON',
  about: 'Gives a value to whoever waits, or will wait, for the topic in this run.',
  positionals: [3, 3],
  flags: STORE_FLAGS,

  async run({ positionals, flags }) {
    const [runId = '', topic = '', text = ''] = positionals
    const value = parseJson(text, 'the value')
    await using runtime = await storeOf(runId, flags)
    await runtime.signal(runId, topic, value)
    if (flags['json']) await printJson({ runId, topic, value })
    else await printLine(`signalled ${topic} to ${runId}`)
    return EXIT.done
  },
}
