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

process.on('message', (command: Command) => {
  const report = handle(command)
  if (report !== null) process.send?.(report)
})
process.on('disconnect', () => process.exit(0))
process.send?.(READY)
