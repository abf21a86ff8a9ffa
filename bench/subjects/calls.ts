import { codeAgent, tool } from 'troupe'
import { quickjs } from 'troupe/sandbox/quickjs'
import { z } from 'zod'
import { openSession, runStep } from '../harness/guest.ts'
import { alternate, perOperation, scaled, timed, type Sample } from '../harness/rounds.ts'
import { row, type Row } from '../harness/row.ts'
import { betweenCalls, stubModel } from '../harness/stub-model.ts'
import { vercelRun } from '../harness/vercel-run.ts'

const CALLS = 200
const SEQUENTIAL = `let sum = 0\nfor (let i = 0; i < ${CALLS}; i++) sum += await probe({ n: i })\nsum`
const PARALLEL = `const all = await Promise.all(Array.from({ length: ${CALLS} }, (_, i) => probe({ n: i })))\nall.length`
const EMPTY = '1 + 1'

/** A tool call from inside the sandbox, of a step that makes 200 of them; the step itself is taken off. */
export async function measure(): Promise<readonly Row[]> {
  const { run } = await vercelRun()
  const source = (code: string): string =>
    code
      .replaceAll('probe(', 'tools.probe(')
      .replace(/\n(\S+)$/, '\nreturn $1')
      .replace(/^1/, 'return 1')
  const vercel = (code: string) => (): Promise<Sample> =>
    timed(1, async () => {
      const { status } = await run({ source: source(code), hostFunctions: { tools: { probe: async () => 1 } } })
      if (status !== 'completed') throw new Error(`run ended as ${status}`)
    })
  await using sandbox = quickjs()
  await using session = await openSession(sandbox)
  const alone = (code: string) => (): Promise<Sample> => timed(1, () => runStep(session, code))
  const samples = await alternate(
    {
      empty: steps(EMPTY),
      sequential: steps(SEQUENTIAL),
      parallel: steps(PARALLEL),
      aloneEmpty: alone(EMPTY),
      aloneSequential: alone(SEQUENTIAL),
      aloneParallel: alone(PARALLEL),
      vercelEmpty: vercel(EMPTY),
      vercelSequential: vercel(SEQUENTIAL),
      vercelParallel: vercel(PARALLEL),
    },
    { rounds: 15, warmUp: 4 },
  )
  const micros = (of: readonly Sample[], base: readonly Sample[]): readonly Sample[] => scaled(perOperation(of, base, CALLS), 1000)
  const sequential = { name: 'run, sequential', samples: micros(samples.vercelSequential, samples.vercelEmpty) }
  const parallel = { name: 'run, parallel', samples: micros(samples.vercelParallel, samples.vercelEmpty) }
  return [
    row({
      what: 'tool call from code, sequential',
      unit: 'µs',
      samples: micros(samples.sequential, samples.empty),
      beside: sequential,
      target: { atMost: 120 },
    }),
    row({
      what: 'tool call from code, parallel',
      unit: 'µs',
      samples: micros(samples.parallel, samples.empty),
      beside: parallel,
      target: { atMost: 30 },
    }),
    row({
      what: 'the same in the sandbox alone, sequential',
      unit: 'µs',
      samples: micros(samples.aloneSequential, samples.aloneEmpty),
      beside: sequential,
    }),
    row({
      what: 'the same in the sandbox alone, parallel',
      unit: 'µs',
      samples: micros(samples.aloneParallel, samples.aloneEmpty),
      beside: parallel,
    }),
  ]
}

/** A whole step of a code agent, its second one: the session is open then. */
function steps(code: string): () => Promise<Sample> {
  const model = stubModel((turn) =>
    turn === 0 ? '```ts\n1 + 1\n```' : turn === 1 ? `\`\`\`ts\n${code}\n\`\`\`` : '```ts\nfinalAnswer(1)\n```',
  )
  const probe = tool({
    name: 'probe',
    description: 'Gives 1.',
    effect: 'read',
    input: z.object({ n: z.number() }),
    output: z.number(),
    run: () => 1,
  })
  const agent = codeAgent({ name: 'caller', description: 'Calls.', model, tools: [probe] })
  return async () => {
    await betweenCalls(model, () => agent.run('Call.'))
    const [, second = NaN, third = NaN] = model.marks
    return { value: third - second }
  }
}
