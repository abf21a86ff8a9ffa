import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'

const scripts = join(import.meta.dirname, '../../scripts')

/** Runs a gate of scripts/ on a temporary tree of `files`. */
export function check(gate: string, files: Record<string, string>): { code: number | null; faults: string[] } {
  const tree = mkdtempSync(join(tmpdir(), 'troupe-gate-'))
  onTestFinished(() => rmSync(tree, { recursive: true, force: true }))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(tree, path)), { recursive: true })
    writeFileSync(join(tree, path), text)
  }
  const { status, stderr } = spawnSync(process.execPath, [join(scripts, `${gate}.mjs`), tree], { encoding: 'utf8' })
  return { code: status, faults: stderr.split('\n').filter(Boolean) }
}
