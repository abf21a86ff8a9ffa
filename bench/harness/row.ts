import { median, type Sample } from './rounds.ts'

/** `best only`: in the quietest round, but not in the middle one. */
export type Met = 'yes' | 'best only' | 'no' | null

/** One line of the report. */
export interface Row {
  readonly what: string
  readonly unit: string
  /** Median and smallest of the rounds. */
  readonly median: number | null
  readonly min: number | null
  readonly cpuMs?: number
  readonly beside?: { readonly name: string; readonly median: number; readonly min: number; readonly cpuMs?: number }
  /** Ours by theirs, median over the rounds that were measured side by side. */
  readonly ratio?: number
  readonly target?: string
  readonly met: Met
  readonly note?: string
}

export interface Measured {
  readonly what: string
  readonly unit: string
  readonly samples: readonly Sample[]
  readonly beside?: { readonly name: string; readonly samples: readonly Sample[] }
  readonly target?: Target
  readonly note?: string
}

/** Largest figure, smallest figure, or largest ratio to what is beside. */
export type Target = { readonly atMost: number } | { readonly atLeast: number } | { readonly ratioAtMost: number }

export function row({ what, unit, samples, beside, target, note }: Measured): Row {
  const ours = summary(samples)
  const theirs = beside && summary(beside.samples)
  const ratios = beside ? samples.flatMap(({ value }, i) => (beside.samples[i] ? [value / beside.samples[i].value] : [])) : []
  return {
    what,
    unit,
    ...ours,
    ...(beside && theirs && { beside: { name: beside.name, ...theirs }, ratio: median(ratios) }),
    ...(target && { target: describe(target, unit) }),
    met: target ? verdict(target, ours, samples, ratios, theirs) : null,
    ...(note !== undefined && { note }),
  }
}

export function notMeasured(what: string, why: string): Row {
  return { what, unit: '', median: null, min: null, met: null, note: `not measured: ${why}` }
}

interface Summary {
  readonly median: number
  readonly min: number
  readonly cpuMs?: number
}

function summary(samples: readonly Sample[]): Summary {
  const values = samples.map(({ value }) => value)
  const cpu = samples.flatMap(({ cpuMs }) => (cpuMs === undefined ? [] : [cpuMs]))
  return { median: median(values), min: Math.min(...values), ...(cpu.length > 0 && { cpuMs: median(cpu) }) }
}

function describe(target: Target, unit: string): string {
  if ('atMost' in target) return `≤ ${target.atMost} ${unit}`
  return 'atLeast' in target ? `≥ ${target.atLeast} ${unit}` : `≤ ${target.ratioAtMost} ×`
}

function verdict(target: Target, ours: Summary, samples: readonly Sample[], ratios: readonly number[], theirs: Summary | undefined): Met {
  if ('atMost' in target) return ours.median <= target.atMost ? 'yes' : ours.min <= target.atMost ? 'best only' : 'no'
  if ('atLeast' in target) {
    if (ours.median >= target.atLeast) return 'yes'
    return Math.max(...samples.map(({ value }) => value)) >= target.atLeast ? 'best only' : 'no'
  }
  if (!theirs) return null
  if (median(ratios) <= target.ratioAtMost) return 'yes'
  return ours.min / theirs.min <= target.ratioAtMost ? 'best only' : 'no'
}
