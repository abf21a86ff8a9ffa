import type { Row } from './row.ts'
import type { Machine } from './machine.ts'

const HEADS = ['what', 'median', 'min', 'CPU', 'unit', 'beside', 'its median', 'its min', 'its CPU', 'ratio', 'target', 'met'] as const

function cells(row: Row): readonly string[] {
  if (row.median === null) return [row.what, '–', '–', '–', '–', row.note ?? '', '–', '–', '–', '–', row.target ?? '–', '–']
  const { beside } = row
  return [
    row.what,
    figure(row.median),
    figure(row.min),
    figure(row.cpuMs),
    row.unit,
    beside?.name ?? '–',
    figure(beside?.median),
    figure(beside?.min),
    figure(beside?.cpuMs),
    row.ratio === undefined ? '–' : row.ratio.toFixed(2),
    row.target ?? '–',
    row.met === null ? '–' : row.met === 'no' ? '**NO**' : row.met,
  ]
}

function figure(value: number | null | undefined): string {
  if (value === undefined || value === null) return '–'
  if (value >= 1000) return value.toFixed(0)
  return value
    .toPrecision(3)
    .replace(/(\.\d*?)0+$/, '$1')
    .replace(/\.$/, '')
}

/** A Markdown table; `padded` for a terminal. */
export function table(rows: readonly Row[], padded: boolean): string {
  const lines = [HEADS, ...rows.map(cells)]
  const widths = HEADS.map((_, column) => (padded ? Math.max(...lines.map((line) => line[column]?.length ?? 0)) : 0))
  const text = (line: readonly string[]): string => `| ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  const rule = `|${widths.map((width) => '-'.repeat(Math.max(3, width + 2))).join('|')}|`
  return [text(lines[0] ?? []), rule, ...lines.slice(1).map(text)].join('\n')
}

/** What was noted to single rows. */
export function notes(rows: readonly Row[]): readonly string[] {
  return rows.flatMap((row) => (row.note === undefined || row.median === null ? [] : [`${row.what}: ${row.note}`]))
}

export function markdown(rows: readonly Row[], machine: Machine, seconds: number): string {
  const misses = rows.filter((row) => row.met === 'no' || row.met === 'best only').length
  const targets = rows.filter((row) => row.met !== null).length
  return `# Benchmarks

Written by \`npm run bench -- --write\`; do not edit. Method and targets: [README.md](README.md).

- Date: ${machine.date}; ${seconds.toFixed(0)} s
- Machine: ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB, ${machine.os}
- Load in the last minute: ${machine.load} before, ${machine.loadAfter} after
- Node ${machine.node}; ${machine.packages.join(', ')}
- Targets: ${targets - misses} of ${targets} met

${table(rows, false)}

${notes(rows)
  .map((note) => `- ${note}`)
  .join('\n')}
`
}

/** A report with the rows of one subject in the place of those that it had, so that one subject can be measured anew. */
export function merged(report: string, rows: readonly Row[], subject: string, machine: Machine): string {
  let lines = report.split('\n')
  const put = (line: string, isSame: (other: string) => boolean, after: (other: string) => boolean): void => {
    const at = lines.findIndex(isSame)
    const end = at < 0 ? lines.findLastIndex(after) + 1 : at
    lines = [...lines.slice(0, end), line, ...lines.slice(at < 0 ? end : end + 1)]
  }
  const keyOf = (line: string): string => {
    const parts = line.split(' | ')
    return `${parts[0]} | ${parts[5]}`
  }
  for (const line of table(rows, false).split('\n').slice(2)) {
    put(
      line,
      (other) => keyOf(other) === keyOf(line),
      (other) => other.startsWith('| '),
    )
  }
  for (const { what, note, median } of rows) {
    if (note === undefined || median === null) continue
    put(
      `- ${what}: ${note}`,
      (other) => other.startsWith(`- ${what}: `),
      (other) => other.startsWith('- '),
    )
  }
  const stamp = `- Measured anew, \`${subject}\`: `
  put(
    `${stamp}${machine.date}, load ${machine.load} before, ${machine.loadAfter} after`,
    (other) => other.startsWith(stamp),
    (other) => other.startsWith('- Load in'),
  )
  const verdicts = lines.flatMap((line) => /\| (yes|best only|\*\*NO\*\*) \|$/.exec(line)?.[1] ?? [])
  const met = verdicts.filter((verdict) => verdict === 'yes').length
  return lines.map((line) => (line.startsWith('- Targets: ') ? `- Targets: ${met} of ${verdicts.length} met` : line)).join('\n')
}
