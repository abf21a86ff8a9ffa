/** A process that has been taken over: it answers the first turn with what the code of that turn names, not with what the code does. */
import { readSync, writeSync } from 'node:fs'

const chunk = Buffer.alloc(65_536)

function receive(): { readonly session: number; readonly blocks: readonly { readonly code: string }[] } {
  const length = readSync(3, chunk)
  if (length === 0) process.exit(0)
  return JSON.parse(chunk.subarray(0, length).toString())
}

function attempt(what: () => unknown): string {
  try {
    return String(what())
  } catch (error) {
    return `refused: ${String(error)}`
  }
}

async function answer(code: string, session: number): Promise<unknown> {
  const value = (text: string): unknown => ({
    session,
    prints: [],
    state: { type: 'value', value: JSON.stringify(text), preview: text },
    spentMs: 1,
  })
  if (code === 'files') {
    const { readFileSync } = await import('node:fs')
    return value(attempt(() => readFileSync('/etc/passwd', 'utf8').slice(0, 5)))
  }
  if (code === 'processes') {
    const { execSync } = await import('node:child_process')
    return value(attempt(() => execSync('id').toString()))
  }
  if (code === 'environment') return value(Object.keys(process.env).join(','))
  return JSON.parse(code.replaceAll('"SESSION"', String(session)))
}

writeSync(3, '"ready"\n')
for (;;) {
  const { session, blocks } = receive()
  const code = blocks.at(-1)?.code ?? ''
  writeSync(3, code === 'garbage' ? '{"session":\n' : code === 'two' ? '{}\n{}\n' : `${JSON.stringify(await answer(code, session))}\n`)
}
