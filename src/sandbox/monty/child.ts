import { readSync, writeSync } from 'node:fs'
import { GuestRun } from './guest-run.ts'
import { type Command, READY, type Report } from './protocol.ts'

/** Sessions that wait for an answer here. The one that has waited longest is forgotten for a new one, and run again when its answer comes. */
const MAX_PAUSED = 64

const runs = new Map<number, GuestRun>()

function handle(command: Command): Report | null {
  switch (command.type) {
    case 'run': {
      const run = new GuestRun(command)
      return keep(command.session, run, run.start())
    }
    case 'reply': {
      const run = runs.get(command.session)
      if (run === undefined) return { session: command.session, prints: [], state: { type: 'lost' }, spentMs: 0 }
      return keep(command.session, run, run.reply(command.ok, command.text))
    }
    case 'forget':
      runs.delete(command.session)
      return null
  }
}

function keep(session: number, run: GuestRun, report: Report): Report {
  runs.delete(session)
  if (report.state.type !== 'call') return report
  const [oldest] = runs.size >= MAX_PAUSED ? runs.keys() : []
  if (oldest !== undefined) runs.delete(oldest)
  runs.set(session, run)
  return report
}

const CHANNEL = 3
const NEWLINE = 10
const chunk = Buffer.allocUnsafe(65_536)
let rest = Buffer.alloc(0)

/** The next command. Waits for it: there is nothing else to do here. The process ends with its host. */
function receive(): Command {
  const parts: Buffer[] = []
  let end = rest.indexOf(NEWLINE)
  while (end < 0) {
    parts.push(rest)
    const length = readSync(CHANNEL, chunk)
    if (length === 0) process.exit(0)
    rest = Buffer.from(chunk.subarray(0, length))
    end = rest.indexOf(NEWLINE)
  }
  parts.push(rest.subarray(0, end))
  rest = rest.subarray(end + 1)
  return JSON.parse(Buffer.concat(parts).toString()) as Command
}

function send(message: Report | typeof READY): void {
  const bytes = Buffer.from(`${JSON.stringify(message)}\n`)
  for (let at = 0; at < bytes.length;) at += writeSync(CHANNEL, bytes, at)
}

/** One command, and then the event loop: what the interpreter's objects hold is freed there alone. Twenty at a time are slower. */
function turn(): void {
  const report = handle(receive())
  if (report !== null) send(report)
  setImmediate(turn)
}

send(READY)
turn()
