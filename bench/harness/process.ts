import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** The repository's folder: what `troupe` is resolved from. */
export const ROOT: string = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** Runs module code in a Node process of its own and gives what it printed, parsed. */
export async function inOwnProcess<T>(code: string, cwd: string = ROOT): Promise<T> {
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', code], { cwd })
  return JSON.parse(stdout) as T
}

/** Runs a Node program and gives what it printed, null when it failed; its errors go to our own. */
export async function program(args: readonly string[]): Promise<string | null> {
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] })
  let printed = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text
  })
  const [code] = (await once(child, 'close')) as [number | null]
  return code === 0 ? printed : null
}
