/**
 * `npm run bench [-- --write] [--only NAME]`: measures each subject in a process of its own, beside others in the same
 * run, and prints a table. `--write` also writes RESULTS.md, with `--only` the rows of that subject in it. `BENCH_PEERS`
 * names a folder with further frameworks, `BENCH_DISK` a folder on the disk to measure.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { currentLoad, machine } from './harness/machine.ts'
import { program, ROOT } from './harness/process.ts'
import { markdown, merged, notes, table } from './harness/report.ts'
import { notMeasured, type Row } from './harness/row.ts'

type Subject = () => Promise<{ measure(): Promise<readonly Row[]> }>

const SUBJECTS: Readonly<Record<string, Subject>> = {
  import: () => import('./subjects/import.ts'),
  creation: () => import('./subjects/creation.ts'),
  'code-step': () => import('./subjects/code-step.ts'),
  sandbox: () => import('./subjects/sandbox.ts'),
  calls: () => import('./subjects/calls.ts'),
  sessions: () => import('./subjects/sessions.ts'),
  tiers: () => import('./subjects/tiers.ts'),
  'tool-step': () => import('./subjects/tool-step.ts'),
  'parallel-runs': () => import('./subjects/parallel-runs.ts'),
  team: () => import('./subjects/team.ts'),
  parked: () => import('./subjects/parked.ts'),
  durable: () => import('./subjects/durable.ts'),
  steps: () => import('./subjects/steps.ts'),
  queue: () => import('./subjects/queue.ts'),
  resume: () => import('./subjects/resume.ts'),
  fleet: () => import('./subjects/fleet.ts'),
  'parked-many': () => import('./subjects/parked-many.ts'),
}

const MARK = '\nROWS '

const { values } = parseArgs({ options: { write: { type: 'boolean' }, only: { type: 'string' }, child: { type: 'string' } } })

/** In the child: measures one subject and prints its rows. */
async function child(name: string): Promise<void> {
  const subject = await subjectOf(name)()
  const rows = await subject.measure()
  process.stdout.write(`${MARK}${JSON.stringify(rows)}`, () => process.exit())
}

function subjectOf(name: string): Subject {
  const subject = SUBJECTS[name]
  if (subject) return subject
  console.error(`there is no subject '${name}': one of ${Object.keys(SUBJECTS).join(', ')}`)
  process.exit(2)
}

async function all(names: readonly string[], isWritten: boolean): Promise<void> {
  const begun = performance.now()
  const load = currentLoad()
  const rows: Row[] = []
  for (const name of names) {
    const before = performance.now()
    const printed = await program([import.meta.filename, '--child', name])
    if (printed === null) {
      rows.push(notMeasured(name, 'it failed, see above'))
      process.exitCode = 1
    } else rows.push(...(JSON.parse(printed.slice(printed.lastIndexOf(MARK) + MARK.length)) as Row[]))
    console.error(`${name}: ${((performance.now() - before) / 1000).toFixed(1)} s`)
  }
  const facts = machine(load, ROOT)
  const seconds = (performance.now() - begun) / 1000
  console.log(
    `\n${facts.cpu}, ${facts.cores} cores, Node ${facts.node}, load ${facts.load} to ${facts.loadAfter}, ${seconds.toFixed(0)} s\n`,
  )
  console.log(table(rows, true))
  for (const note of notes(rows)) console.log(`- ${note}`)
  if (!isWritten) return
  const path = join(ROOT, 'bench', 'RESULTS.md')
  const [only] = names
  const isWhole = names.length > 1 || only === undefined
  writeFileSync(path, isWhole ? markdown(rows, facts, seconds) : merged(readFileSync(path, 'utf8'), rows, only, facts))
}

if (values.child !== undefined) await child(values.child)
else {
  const names = values.only === undefined ? Object.keys(SUBJECTS) : [values.only]
  names.forEach(subjectOf)
  await all(names, values.write ?? false)
}
