import { codeAgent, tool } from 'troupe'
import { recordingModel, tapeModel } from 'troupe/models'
import { assertEvents, assertNoEvent, collectEvents, memoryTape } from 'troupe/testing'
import { z } from 'zod'
import { code, exampleModel, type Example } from './model.ts'

let price = 12
const quote = tool({
  name: 'quote',
  description: 'The price of a share.',
  effect: 'read',
  input: z.object({ symbol: z.string() }),
  run: () => price,
})
const live = await exampleModel(code("console.log('IBM is at', await quote({ symbol: 'IBM' }))"), code("finalAnswer('IBM is at 12.')"))
const tape = memoryTape() // `tapeFile(path)` writes one, as `troupe run --record` does
const broker = codeAgent({ name: 'broker', description: 'Knows prices.', model: recordingModel(live, tape), tools: [quote] })
const task = 'What is IBM at?'

if (import.meta.main) {
  await broker.run(task)
  console.log(`recorded: ${tape.records.length} answers`)

  // From here on it is a test: the tape answers, everything else is real, and nothing is sent.
  const replay = codeAgent({ name: 'broker', description: 'Knows prices.', model: tapeModel(tape.records), tools: [quote] })
  const events = await collectEvents(replay.run(task))
  assertEvents(events, [
    { type: 'tool-start', args: { symbol: 'IBM' } },
    { type: 'run-end', status: 'done', output: 'IBM is at 12.' },
  ])
  assertNoEvent(events, { type: 'approval-wanted' })
  console.log('replayed: the same')

  price = 13 // what the model sees is now another thing, so its old answer does not count
  const changed = await replay.run(task).then(() => 'the same', String)
  console.log(changed.split('\n').slice(-2).join('\n'))
}

export const example: Example = { agent: broker, task }
