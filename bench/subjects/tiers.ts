import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Language, Sandbox } from 'troupe'
import { bubblewrap } from 'troupe/sandbox/bubblewrap'
import { container } from 'troupe/sandbox/container'
import { monty } from 'troupe/sandbox/monty'
import { quickjs } from 'troupe/sandbox/quickjs'
import { limitsOf } from '../../src/sandbox/limits.ts'
import { isolatedVm, type IvmRuns } from '../peers/isolated-vm.ts'
import { runStep } from '../harness/guest.ts'
import { alternate, scaled, timed, type Sample } from '../harness/rounds.ts'
import { notMeasured, row, type Row, type Target } from '../harness/row.ts'

const run = promisify(execFile)
const CALLS = 100
const PROBE = { name: 'probe', parameters: ['n'], signature: 'probe({ n }: { n: number }): Promise<number>' }

const SUM: Readonly<Record<Language, string>> = {
  typescript: `let sum = 0\nfor (let i = 0; i < ${CALLS}; i++) sum += await probe({ n: i })\nsum`,
  python: `total = 0\nfor i in range(${CALLS}):\n    total += probe(n=i)\ntotal`,
}
const FIB: Readonly<Record<Language, string>> = {
  typescript: 'const fib = (n) => (n < 2 ? n : fib(n - 1) + fib(n - 2))\nfib(22)',
  python: 'def fib(n):\n    return n if n < 2 else fib(n - 1) + fib(n - 2)\nfib(22)',
}
const FOREVER: Readonly<Record<Language, string>> = { typescript: 'for (;;);', python: 'while True:\n    pass' }

interface Tier {
  readonly name: string
  readonly languages: readonly Language[]
  readonly call?: Target
  readonly start?: Target
  open(): Sandbox & AsyncDisposable & { warmUp?(language: Language): Promise<void> }
}

const rootfs = process.env['TROUPE_SANDBOX_ROOTFS'] ?? '/var/cache/troupe/rootfs'
const socketPath = process.env['TROUPE_DOCKER_SOCKET'] ?? '/var/tmp/troupe-services/docker.sock'
const image = process.env['TROUPE_SANDBOX_IMAGE'] ?? 'troupe/sandbox:dev'

const TIERS: readonly Tier[] = [
  { name: 'quickjs', languages: ['typescript'], call: { atMost: 120 }, start: { atMost: 5 }, open: () => quickjs() },
  { name: 'monty', languages: ['python'], call: { atMost: 120 }, start: { atMost: 5 }, open: () => monty() },
  { name: 'bubblewrap', languages: ['typescript', 'python'], start: { atMost: 30 }, open: () => bubblewrap({ rootfs, warm: 2 }) },
  {
    name: 'container',
    languages: ['typescript', 'python'],
    call: { atMost: 300 },
    start: { atMost: 20 },
    open: () => container({ image, socketPath, warm: 2 }),
  },
  { name: 'gvisor', languages: ['typescript', 'python'], open: () => container({ image, socketPath, runtime: 'runsc', warm: 2 }) },
]

/** Every tier and language beside the plain interpreter, and beside isolated-vm where it is installed: start, calls, computing, the time limit. */
export async function measure(): Promise<readonly Row[]> {
  const ivm = await isolatedVm()
  const rows: Row[] = []
  if (ivm === null) rows.push(notMeasured('isolated-vm', 'BENCH_PEERS names no folder that has it'))
  else rows.push(...(await peerRows(ivm)))
  for (const tier of TIERS) {
    for (const language of tier.languages) {
      try {
        console.error(`  ${tier.name}, ${language}`)
        rows.push(...(await tierRows(tier, language)))
      } catch (error) {
        rows.push(notMeasured(`${tier.name}, ${language}`, (error as Error).message.split('\n')[0] ?? 'unknown'))
      }
    }
  }
  return rows
}

async function peerRows(ivm: IvmRuns): Promise<readonly Row[]> {
  const code = FIB.typescript
  const seen = await alternate(
    {
      start: () => timed(1, () => ivm.start()),
      calls: () => timed(CALLS, () => ivm.calls(CALLS)),
      compute: () => timed(1, () => ivm.compute(`(() => { ${code} })()`)),
      node: () => timed(1, () => void nodeFib(22)),
    },
    { rounds: 9, warmUp: 2 },
  )
  return [
    row({ what: 'isolated-vm: a new isolate to the end of its first code', unit: 'ms', samples: seen.start }),
    row({ what: 'isolated-vm: call of a host function, in sequence', unit: 'µs', samples: scaled(seen.calls, 1_000) }),
    row({ what: 'isolated-vm: fib(22)', unit: 'ms', samples: seen.compute, beside: { name: 'plain Node', samples: seen.node } }),
  ]
}

async function tierRows({ name, call, start, open }: Tier, language: Language): Promise<readonly Row[]> {
  await using sandbox = open()
  const limits = limitsOf()
  const opened = (timeoutMs = limits.timeoutMs) =>
    sandbox.open({ language, limits: { ...limits, timeoutMs, fuel: 1e9 }, tools: [PROBE], context: {} })
  /** In a session that has run one step: what came before must not add up where steps are replayed. */
  const inFresh = async (count: number, work: (session: Awaited<ReturnType<typeof opened>>) => Promise<unknown>): Promise<Sample> => {
    await using session = await opened()
    await runStep(session, '1 + 1')
    return await timed(count, () => work(session)) // awaited here: the session is disposed of at the return
  }
  const plain = language === 'python' ? 'CPython' : 'plain Node'
  const fresh = language === 'python' ? ['python3', '-c', '1 + 1'] : [process.execPath, '-e', '1 + 1']
  const seen = await alternate(
    {
      start: async () => {
        await sandbox.warmUp?.(language)
        const begun = performance.now()
        const next = await opened()
        await runStep(next, '1 + 1')
        const value = performance.now() - begun
        await next[Symbol.asyncDispose]() // to be rid of it is not a part of its start
        return { value }
      },
      process: () => timed(1, () => run(fresh[0] ?? '', fresh.slice(1))),
      calls: () => inFresh(CALLS, (session) => runStep(session, SUM[language])),
      step: () => inFresh(1, (session) => runStep(session, '1 + 1')),
      fib: () => inFresh(1, (session) => runStep(session, FIB[language])),
      native: async (): Promise<Sample> => (language === 'python' ? { value: await pythonFib() } : timed(1, () => void nodeFib(22))),
    },
    { rounds: 5, warmUp: 1 },
  )
  const stop: Sample[] = []
  for (let i = 0; i < 3; i++) {
    await using limited = await opened(1_000)
    await runStep(limited, '1 + 1')
    const begun = performance.now()
    await runStep(limited, FOREVER[language]).catch(() => {}) // it ends with the time limit
    stop.push({ value: performance.now() - begun })
  }
  const what = `${name}, ${language}`
  return [
    row({
      what: `${what}: open to the end of the first step, warm`,
      unit: 'ms',
      samples: seen.start,
      beside: { name: `a process of ${plain}`, samples: seen.process },
      ...(start && { target: start }),
    }),
    row({ what: `${what}: a further step`, unit: 'ms', samples: seen.step }),
    row({ what: `${what}: tool call, in sequence`, unit: 'µs', samples: scaled(seen.calls, 1_000), ...(call && { target: call }) }),
    row({ what: `${what}: fib(22)`, unit: 'ms', samples: seen.fib, beside: { name: plain, samples: seen.native } }),
    row({ what: `${what}: time limit of 1 s, control is back`, unit: 'ms', samples: stop, target: { atMost: 1_300 } }),
  ]
}

function nodeFib(n: number): number {
  return n < 2 ? n : nodeFib(n - 1) + nodeFib(n - 2)
}

/** Milliseconds that the machine's own CPython takes for it, without its start. */
async function pythonFib(): Promise<number> {
  const code = `import time\n${FIB.python.replace('\nfib(22)', '')}\nbegun = time.perf_counter()\nfib(22)\nprint((time.perf_counter() - begun) * 1000)`
  const { stdout } = await run('python3', ['-c', code])
  return Number(stdout)
}
