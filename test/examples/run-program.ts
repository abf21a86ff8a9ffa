import { spawn } from 'node:child_process'
import { join } from 'node:path'

export const ROOT: string = join(import.meta.dirname, '../..')

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program of examples/ as a user would, with the given variables added; `MODEL` is never inherited. */
export async function runProgram(
  file: string,
  { args = [], env = {}, cwd = ROOT }: { args?: readonly string[]; env?: Record<string, string>; cwd?: string } = {},
): Promise<Ended> {
  const { MODEL: _, ...inherited } = process.env
  const child = spawn(process.execPath, [join(ROOT, 'examples', file), ...args], { cwd, env: { ...inherited, ...env }, timeout: 60_000 })
  const out: Buffer[] = []
  const err: Buffer[] = []
  child.stdout.on('data', (data: Buffer) => out.push(data))
  child.stderr.on('data', (data: Buffer) => err.push(data))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() }))
  })
}
