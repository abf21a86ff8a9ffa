import { codeAgent } from 'troupe'
import { quickjs } from 'troupe/sandbox/quickjs'
import { openSession, runStep } from '../harness/guest.ts'
import { inOwnProcess } from '../harness/process.ts'
import { alternate, timed, type Sample } from '../harness/rounds.ts'
import { row, type Row } from '../harness/row.ts'
import { betweenCalls, stubModel } from '../harness/stub-model.ts'
import { vercelRun, vercelRunUrl } from '../harness/vercel-run.ts'

const FIB = 'const fib = (n: number): number => (n < 2 ? n : fib(n - 1) + fib(n - 2))\nfib(27)'
const ADDS = 'let sum = 0\nfor (let i = 0; i < 10_000_000; i++) sum += i\nsum'

/** What the sandbox costs: a cold process, a new session, and computing. */
export async function measure(): Promise<readonly Row[]> {
  const { run } = await vercelRun()
  await using sandbox = quickjs()
  await using session = await openSession(sandbox)
  const cold = await alternate({ troupe: coldTroupe, vercel: coldVercel }, { rounds: 5, warmUp: 1 })
  const warm = await alternate(
    {
      firstStep: firstSteps(),
      session: () =>
        timed(5, () =>
          repeat(5, async () => {
            await using fresh = await openSession(sandbox)
            await runStep(fresh, '1 + 1')
          }),
        ),
      vercel: () => timed(5, () => repeat(5, () => run({ source: 'return 1 + 1' }))),
    },
    { rounds: 9, warmUp: 2 },
  )
  const compute = await alternate(
    {
      fib: () => timed(1, () => runStep(session, FIB)),
      nodeFib: () => timed(1, () => void fib(27)),
      vercelFib: () => timed(1, () => run({ source: FIB.replaceAll(': number', '').replace('\nfib', '\nreturn fib') })),
      adds: () => timed(1, () => runStep(session, ADDS)),
      nodeAdds: () => timed(1, () => void adds(10_000_000)),
    },
    { rounds: 5, warmUp: 1 },
  )
  return [
    row({ what: 'first code step of a run, warm pool', unit: 'ms', samples: warm.firstStep, target: { atMost: 20 } }),
    row({
      what: 'import, open and first execute, fresh process',
      unit: 'ms',
      samples: cold.troupe,
      beside: { name: 'run, fresh process', samples: cold.vercel },
    }),
    row({
      what: 'new session and its first execute, warm',
      unit: 'ms',
      samples: warm.session,
      beside: { name: 'run, warm', samples: warm.vercel },
    }),
    row({ what: 'fib(27) in the sandbox', unit: 'ms', samples: compute.fib, beside: { name: 'plain Node', samples: compute.nodeFib } }),
    row({ what: 'fib(27) in the sandbox, again', unit: 'ms', samples: compute.fib, beside: { name: 'run', samples: compute.vercelFib } }),
    row({
      what: '10M additions in the sandbox',
      unit: 'ms',
      samples: compute.adds,
      beside: { name: 'plain Node', samples: compute.nodeAdds },
    }),
  ]
}

async function repeat(times: number, work: () => Promise<unknown>): Promise<void> {
  for (let i = 0; i < times; i++) await work()
}

/** The time between the first two questions of a run: its session is opened in it. */
function firstSteps(): () => Promise<Sample> {
  const model = stubModel((turn) => (turn === 0 ? '```ts\n1 + 1\n```' : '```ts\nfinalAnswer(1)\n```'))
  const agent = codeAgent({ name: 'starter', description: 'Starts.', model })
  return () => betweenCalls(model, () => agent.run('Start.'))
}

async function coldTroupe(): Promise<Sample> {
  return {
    value: await inOwnProcess<number>(`
      const begun = performance.now()
      const { quickjs } = await import('troupe/sandbox/quickjs')
      const limits = { timeoutMs: 10_000, fuel: 30_000, memoryMb: 256, cpus: 1, processes: 64, diskMb: 16, outputBytes: 262_144, maxCalls: 1_000, maxInFlight: 16, answerBytes: 1_048_576 }
      const session = await quickjs().open({ language: 'typescript', limits, tools: [], context: {} })
      for await (const frame of session.execute('1 + 1', { step: 1, signal: new AbortController().signal, clock: 0, seed: 1 })) if (frame.type === 'end') console.log(performance.now() - begun)
      process.exit()`),
  }
}

async function coldVercel(): Promise<Sample> {
  return {
    value: await inOwnProcess<number>(`
      const begun = performance.now()
      const { run } = await import('${vercelRunUrl()}')
      await run({ source: 'return 1 + 1' })
      console.log(performance.now() - begun)
      process.exit()`),
  }
}

function fib(n: number): number {
  return n < 2 ? n : fib(n - 1) + fib(n - 2)
}

function adds(count: number): number {
  let sum = 0
  for (let i = 0; i < count; i++) sum += i
  return sum
}
