import type { Decision, Runtime } from '../../engine/runtime.ts'
import type { Command, CommandInput } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { parseJson, textFlag } from '../flags.ts'
import { printJson, printLine } from '../output.ts'
import { STORE_FLAGS } from '../shared-flags.ts'
import { storeOf } from '../stores.ts'

export const runsApproveCommand: Command = {
  usage: 'RUN [CALL]',
  about:
    'Lets a waiting call go on. CALL may be left out when only one waits. The run goes on by itself where a process follows it, else with resume.',
  positionals: [1, 2],
  flags: { result: { type: 'string', value: 'JSON', about: 'the call had happened, with this result' }, ...STORE_FLAGS },

  async run(input) {
    const text = textFlag(input.flags, 'result')
    return decide(input, 'approve', text === undefined ? {} : { result: parseJson(text, '--result') })
  },
}

export const runsRejectCommand: Command = {
  usage: 'RUN [CALL]',
  about: 'Refuses a waiting call: the model sees an error. CALL may be left out when only one waits.',
  positionals: [1, 2],
  flags: { reason: { type: 'string', value: 'TEXT', about: 'why; the model is told' }, ...STORE_FLAGS },

  async run(input) {
    const reason = textFlag(input.flags, 'reason')
    return decide(input, 'reject', reason === undefined ? {} : { reason })
  },
}

async function decide(
  { positionals: [runId = '', callId], flags }: CommandInput,
  verdict: 'approve' | 'reject',
  decision: Decision,
): Promise<number> {
  await using runtime = await storeOf(runId, flags)
  const before = await openCalls(runtime, runId)
  await runtime[verdict](runId, callId, decision)
  const left = await openCalls(runtime, runId)
  const decided = before.find((call) => !left.includes(call)) ?? callId ?? ''
  if (flags['json']) await printJson({ runId, callId: decided, decision: verdict, open: left })
  else {
    await printLine(`${verdict === 'approve' ? 'approved' : 'rejected'} ${decided}`)
    await printLine(left.length > 0 ? `still open: ${left.join(', ')}` : `unless a process follows it: troupe resume ${runId}`)
  }
  return EXIT.done
}

async function openCalls(runtime: Runtime, runId: string): Promise<readonly string[]> {
  return (await runtime.get(runId)).waits.map((wait) => wait.callId)
}
