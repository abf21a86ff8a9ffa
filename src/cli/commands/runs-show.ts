import type { Command } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { printJson, printLine } from '../output.ts'
import { runLineOf, type RunLine } from '../run-summary.ts'
import { STORE_FLAGS } from '../shared-flags.ts'
import { storeOf } from '../stores.ts'
import { oneLine, shortText, usageText, visible } from '../text.ts'

export const runsShowCommand: Command = {
  usage: 'RUN',
  about:
    'Shows how a run stands: status, what it waits for, output (cut in the middle where it is long), error. Status running says only that no end is logged; `runs why` says more.',
  positionals: [1, 1],
  flags: STORE_FLAGS,

  async run({ positionals, flags }) {
    const runId = positionals[0] ?? ''
    await using runtime = await storeOf(runId, flags)
    const run = await runLineOf(runtime, await runtime.get(runId))
    if (flags['json']) await printJson(run)
    else for (const [name, text] of rowsOf(run)) await printLine(`${name.padEnd(9)}${text.replaceAll('\n', `\n${' '.repeat(9)}`)}`)
    return EXIT.done
  },
}

function rowsOf({
  runId,
  status,
  agent,
  task,
  createdAt,
  parentRunId,
  session,
  tenant,
  forkedFrom,
  queue,
  steps,
  usage,
  waits,
  output,
  error,
}: RunLine): [string, string][] {
  return [
    ['run', runId],
    ...(parentRunId === undefined ? [] : [['part of', parentRunId] satisfies [string, string]]),
    ['status', status],
    ['agent', agent],
    ['started', createdAt],
    ...(session === undefined ? [] : [['session', oneLine(session)] satisfies [string, string]]),
    ...(tenant === undefined ? [] : [['tenant', oneLine(tenant)] satisfies [string, string]]),
    ...(forkedFrom ? [['fork of', `${forkedFrom.run}, before step ${forkedFrom.step}`] satisfies [string, string]] : []),
    ...(queue ? [['queue', queueText(queue)] satisfies [string, string]] : []),
    ['task', visible(task)],
    ['steps', `${steps}`],
    ['usage', usageText(usage)],
    ...(waits ?? []).map(({ callId, reason, question }): [string, string] => ['waits', `${callId} (${reason}) ${oneLine(question)}`]),
    ...(status === 'done' || output !== null ? [['output', shortText(output)] satisfies [string, string]] : []),
    ...(error ? [['error', `${error.code}: ${visible(error.message)}`] satisfies [string, string]] : []),
  ]
}

function queueText({ status, priority, attempts, maxAttempts, notBefore, lastError }: NonNullable<RunLine['queue']>): string {
  const when = notBefore === null ? '' : `, not before ${notBefore}`
  return `${status}, priority ${priority}, attempt ${attempts} of ${maxAttempts}${when}${lastError === null ? '' : `; ${oneLine(lastError)}`}`
}
