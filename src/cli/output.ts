import { once } from 'node:events'
import { text } from 'node:stream/consumers'

// A reader that has gone (`troupe runs events … | head -1`) is no fault of ours: what else there is to say is dropped.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') process.exitCode = 1
  })
}

/** Writes to standard output; resolves when the reader has room again. */
export async function print(chunk: string): Promise<void> {
  await write(process.stdout, chunk)
}

export async function printLine(line: string = ''): Promise<void> {
  await print(`${line}\n`)
}

export async function printJson(value: unknown): Promise<void> {
  await printLine(JSON.stringify(value))
}

/** A line for the person at the terminal, beside the result: standard error. */
export async function note(line: string): Promise<void> {
  await write(process.stderr, `${line}\n`)
}

/** Resolves when all that was written has left the process, so that it may exit. */
export async function flushOutput(): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) await new Promise<void>((resolve) => stream.write('', () => resolve()))
}

/** All of standard input. */
export async function readInput(): Promise<string> {
  return text(process.stdin)
}

async function write(stream: NodeJS.WriteStream, chunk: string): Promise<void> {
  if (stream.destroyed || stream.errored) return
  if (stream.write(chunk)) return
  await Promise.race([once(stream, 'drain'), once(stream, 'close')]).catch(() => {})
}
