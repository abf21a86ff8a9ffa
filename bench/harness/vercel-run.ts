import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

/** What is used of Vercel's `run`, the package inside `@ai-sdk/code-mode`. */
export interface VercelRun {
  run(input: {
    readonly source: string
    readonly hostFunctions?: Readonly<Record<string, Readonly<Record<string, (...args: never[]) => unknown>>>>
    readonly limits?: Readonly<Record<string, number>>
  }): Promise<{ readonly status: string; readonly value?: unknown }>
}

/** Where it is, for processes of their own. */
export function vercelRunUrl(): string {
  const codeMode = createRequire(import.meta.url).resolve('@ai-sdk/code-mode')
  return pathToFileURL(createRequire(codeMode).resolve('run')).href
}

export async function vercelRun(): Promise<VercelRun> {
  return (await import(vercelRunUrl())) as VercelRun
}
