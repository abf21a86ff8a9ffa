import type { Entry } from '../../client/entry.ts'
import { whyOf, type Why, type WhyWait } from '../../client/why.ts'
import { isCompatible, versionOf } from '../../engine/versions.ts'
import { TroupeError } from '../../errors/troupe-error.ts'
import type { Command, FlagValues } from '../command.ts'
import { loadConfig } from '../config.ts'
import { EXIT } from '../exit-code.ts'
import { textFlag } from '../flags.ts'
import { printJson, printLine } from '../output.ts'
import { STORE_FLAGS } from '../shared-flags.ts'
import { storeOf } from '../stores.ts'
import { visible } from '../text.ts'

export const runsWhyCommand: Command = {
  usage: 'RUN',
  about:
    'Tells why a run stands as it does: what failed and where, what it waits for and how to answer that, or why nobody takes it; and what to do next.',
  positionals: [1, 1],
  flags: STORE_FLAGS,

  async run({ positionals, flags }) {
    const runId = positionals[0] ?? ''
    await using runtime = await storeOf(runId, flags)
    const tree = await runtime.entries(runId)
    const queue = await runtime.queued(runId)
    const otherVersion = await otherVersionOf(runId, tree, flags)
    const why = whyOf(runId, tree, {
      queue,
      ...(queue && { isServed: await runtime.isServed() }),
      ...(otherVersion && { otherVersion }),
    })
    if (!why) throw new TroupeError('run/not-found', `no run ${runId} in this store`)
    if (flags['json']) await printJson(why)
    else for (const line of linesOf(why)) await printLine(line)
    return EXIT.done
  },
}

/** Whether the agent that is configured here may go on with the run; nothing where none is. */
async function otherVersionOf(
  runId: string,
  tree: readonly Entry[],
  flags: FlagValues,
): Promise<{ readonly known: string; readonly here: string } | undefined> {
  const own = tree.filter(({ run }) => run === runId)
  const known = versionOf(own)
  const start = own[0]?.body
  const name = start && 'agent' in start ? start.agent : ''
  const { agents = {} } = await loadConfig(textFlag(flags, 'config'))
  const here = Object.values(agents).find((agent) => agent.name === name)?.version
  return here === undefined || isCompatible(known, here) ? undefined : { known, here }
}

function linesOf({ runId, summary, failedCall, waits, hint, error, status }: Why): string[] {
  const isToldAlready = error === null || summary.includes(error.message)
  return [
    `${runId} ${visible(summary)}`,
    ...(isToldAlready ? [] : [`  ${error.code}: ${visible(error.message)}`]),
    ...(failedCall
      ? [
          `  the last call that failed there: ${failedCall.call ?? ''}${failedCall.callId === undefined ? '' : ` (${failedCall.callId})`} of ${failedCall.agent}: ${visible(failedCall.error)}`,
        ]
      : []),
    ...(status === 'waiting' || waits.length > 0 ? waits.flatMap(waitLines) : []),
    ...(hint === null ? [] : [`  → ${hint}`]),
  ]
}

function waitLines({ callId, reason, question, until, answers }: WhyWait): string[] {
  const time = until === undefined ? '' : `, until ${until}`
  return [`  ${callId} (${reason}${time}) ${visible(question)}`.trimEnd(), ...answers.map((answer) => `    ${answer}`)]
}
