import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os'
import { join } from 'node:path'

/** What the figures depend on. */
export interface Machine {
  readonly date: string
  readonly cpu: string
  readonly cores: number
  readonly memoryGb: number
  readonly os: string
  readonly node: string
  readonly load: string
  readonly loadAfter: string
  readonly packages: readonly string[]
}

export function machine(load: string, root: string): Machine {
  const versions = ['ai', '@ai-sdk/code-mode', 'quickjs-wasi'].map((name) => `${name} ${versionOf(join(root, 'node_modules', name))}`)
  return {
    date: new Date().toISOString().slice(0, 16).replace('T', ' '),
    cpu: cpus()[0]?.model ?? 'unknown CPU',
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 2 ** 30),
    os: `${type()} ${release()}`,
    node: process.version,
    load,
    loadAfter: currentLoad(),
    packages: versions,
  }
}

export function currentLoad(): string {
  return (loadavg()[0] ?? 0).toFixed(1)
}

function versionOf(folder: string): string {
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }
  return version
}
