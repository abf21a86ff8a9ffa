import type { Command } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { numberFlag } from '../flags.ts'
import { note, printJson, printLine } from '../output.ts'
import { runLineOf } from '../run-summary.ts'
import { STORE_FLAGS } from '../shared-flags.ts'
import { findStore } from '../stores.ts'
import { oneLine, table } from '../text.ts'

const DEFAULT_LIMIT = 50
const MAX_TASK = 60

export const runsLsCommand: Command = {
  usage: '',
  about: 'Lists the runs of a store, newest first, without those that managed agents made.',
  positionals: [0, 0],
  flags: { limit: { type: 'string', value: 'N', about: `how many; default ${DEFAULT_LIMIT}` }, ...STORE_FLAGS },

  async run({ flags }) {
    const limit = numberFlag(flags, 'limit', { min: 1 }) ?? DEFAULT_LIMIT
    await using runtime = await findStore(flags)
    const found = (await runtime?.list({ limit: limit + 1 })) ?? []
    const runs = runtime ? await Promise.all(found.slice(0, limit).map((view) => runLineOf(runtime, view))) : []
    if (flags['json']) {
      for (const run of runs) await printJson(run)
    } else if (runs.length === 0) {
      await note('no runs yet')
    } else {
      const rows = runs.map(({ runId, status, queue, agent, steps, createdAt, task }) => [
        runId,
        queue?.status === 'dead' ? 'dead' : status,
        agent,
        `${steps}`,
        createdAt.slice(0, 19).replace('T', ' '),
        oneLine(task, MAX_TASK),
      ])
      for (const line of table([['RUN', 'STATUS', 'AGENT', 'STEPS', 'STARTED (UTC)', 'TASK'], ...rows])) await printLine(line)
    }
    if (found.length > limit) await note(`these are the newest ${limit}; --limit N shows more`)
    return EXIT.done
  },
}
