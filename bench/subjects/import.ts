import { readFileSync } from 'node:fs'
import { createRequire, findPackageJSON } from 'node:module'
import { pathToFileURL } from 'node:url'
import { join } from 'node:path'
import { inOwnProcess, ROOT } from '../harness/process.ts'
import { alternate, type Sample } from '../harness/rounds.ts'
import { row, type Row } from '../harness/row.ts'

/** The root door, imported into a process that has nothing else. */
export async function measure(): Promise<readonly Row[]> {
  const { troupe, ai } = await alternate({ troupe: () => importing('troupe'), ai: () => importing('ai') }, { rounds: 7, warmUp: 1 })
  const packages = installedWith(join(ROOT, 'package.json'))
  return [
    row({
      what: 'import of the root door',
      unit: 'ms',
      samples: troupe,
      beside: { name: "import 'ai'", samples: ai },
      target: { ratioAtMost: 1 },
    }),
    row({
      what: 'packages installed with troupe, itself included',
      unit: 'packages',
      samples: [{ value: packages.size }],
      target: { atMost: 15 },
      note: [...packages].join(', '),
    }),
  ]
}

async function importing(name: string): Promise<Sample> {
  const [value, cpuMs] = await inOwnProcess<[number, number]>(`
    const cpu = process.cpuUsage()
    const begun = performance.now()
    await import('${name}')
    const { user, system } = process.cpuUsage(cpu)
    console.log(JSON.stringify([performance.now() - begun, (user + system) / 1000]))`)
  return { value: value ?? NaN, cpuMs: cpuMs ?? NaN }
}

/** The package of this `package.json` and all that its dependencies bring. */
function installedWith(path: string, found: Set<string> = new Set()): ReadonlySet<string> {
  const { name, dependencies = {} } = JSON.parse(readFileSync(path, 'utf8')) as { name: string; dependencies?: Record<string, string> }
  if (found.has(name)) return found
  found.add(name)
  for (const dependency of Object.keys(dependencies)) {
    const below = findPackageJSON(dependency, pathToFileURL(path)) ?? createRequire(path).resolve(`${dependency}/package.json`)
    installedWith(below, found)
  }
  return found
}
