import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** One measured batch. */
export interface Sample {
  /** Wall time, or whatever the unit says. */
  readonly value: number
  /** CPU time of the whole process, threads included, for the same operation in the same unit. */
  readonly cpuMs?: number
}

export interface RoundOptions {
  readonly rounds: number
  readonly warmUp: number
}

/**
 * Measures several subjects in turn, round by round, in an order that is reversed every time: on a busy machine only what
 * was measured side by side can be compared.
 */
export async function alternate<Name extends string>(
  subjects: Readonly<Record<Name, () => Promise<Sample>>>,
  { rounds, warmUp }: RoundOptions,
): Promise<Record<Name, readonly Sample[]>> {
  const names = Object.keys(subjects) as Name[]
  const samples = Object.fromEntries(names.map((name) => [name, [] as Sample[]])) as Record<Name, Sample[]>
  for (let round = -warmUp; round < rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const sample = await subjects[name]()
      if (round >= 0) samples[name].push(sample)
    }
  }
  return samples
}

/** Times one batch of `count` operations; the sample is milliseconds an operation. */
export async function timed(count: number, work: () => Promise<unknown> | void): Promise<Sample> {
  const cpu = process.cpuUsage()
  const begun = performance.now()
  await work()
  const value = (performance.now() - begun) / count
  return { value, cpuMs: cpuSince(cpu) / count }
}

export function cpuSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

/** The same samples in another unit. */
export function scaled(samples: readonly Sample[], factor: number): readonly Sample[] {
  return samples.map(({ value, cpuMs }) => ({ value: value * factor, ...(cpuMs !== undefined && { cpuMs: cpuMs * factor }) }))
}

/** What a fixed part costs in its middle round, taken off and spread over `count` operations. */
export function perOperation(samples: readonly Sample[], base: readonly Sample[], count: number): readonly Sample[] {
  const fixed = median(base.map(({ value }) => value))
  return samples.map(({ value }) => ({ value: Math.max(0, value - fixed) / count }))
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const [low = NaN, high = NaN] = [sorted[sorted.length % 2 === 1 ? middle : middle - 1], sorted[middle]]
  return (low + high) / 2
}

/** Not by the flag `--expose-gc`: it would go to worker threads, which refuse it. */
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** The heap after everything that can go is gone. */
export async function heapUsed(): Promise<number> {
  for (let i = 0; i < 4; i++) {
    collect()
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return process.memoryUsage().heapUsed
}
