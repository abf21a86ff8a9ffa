import type { Command } from './command.ts'

interface CommandEntry {
  /** For the list of commands; the rest is in the command's own file, which loads when it is called. */
  readonly about: string
  open(): Promise<Command>
}

/** Every command by its words. Each is a file of its own, so that one command does not load what another needs. */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  run: { about: 'start a run and follow it', open: async () => (await import('./commands/run.ts')).runCommand },
  exec: { about: 'one piece of code in a sandbox, no model', open: async () => (await import('./commands/exec.ts')).execCommand },
  resume: { about: 'go on after a crash, a stop or an approval', open: async () => (await import('./commands/resume.ts')).resumeCommand },
  'runs ls': { about: 'the runs of a store', open: async () => (await import('./commands/runs-ls.ts')).runsLsCommand },
  'runs show': { about: 'one run: status, waits, output', open: async () => (await import('./commands/runs-show.ts')).runsShowCommand },
  'runs events': { about: 'what has happened in a run', open: async () => (await import('./commands/runs-events.ts')).runsEventsCommand },
  'runs approve': { about: 'let a waiting call go on', open: async () => (await import('./commands/runs-decide.ts')).runsApproveCommand },
  'runs reject': { about: 'refuse a waiting call', open: async () => (await import('./commands/runs-decide.ts')).runsRejectCommand },
  'runs signal': { about: 'give a run what it waits for', open: async () => (await import('./commands/runs-signal.ts')).runsSignalCommand },
  'runs cancel': { about: 'end a run and all below it', open: async () => (await import('./commands/runs-cancel.ts')).runsCancelCommand },
  'runs why': {
    about: 'why a run stands as it does, and what to do',
    open: async () => (await import('./commands/runs-why.ts')).runsWhyCommand,
  },
  'runs fork': { about: 'a new run from a step of another', open: async () => (await import('./commands/runs-fork.ts')).runsForkCommand },
  'runs redrive': {
    about: 'try a failed run once more, as a new one',
    open: async () => (await import('./commands/runs-fork.ts')).runsRedriveCommand,
  },
  'runs export': {
    about: 'a tape of a run, or its log as JSON lines',
    open: async () => (await import('./commands/runs-export.ts')).runsExportCommand,
  },
  worker: { about: 'take runs from the queue', open: async () => (await import('./commands/worker.ts')).workerCommand },
  'agents ls': { about: 'the configured agents', open: async () => (await import('./commands/agents-ls.ts')).agentsLsCommand },
  'agents show': {
    about: 'one agent, or the diagram of a team',
    open: async () => (await import('./commands/agents-show.ts')).agentsShowCommand,
  },
  'sandbox build': {
    about: 'make the root tree of bubblewrap',
    open: async () => (await import('./commands/sandbox-build.ts')).sandboxBuildCommand,
  },
  'sandbox ls': { about: 'the sandboxes of this machine', open: async () => (await import('./commands/sandbox-ls.ts')).sandboxLsCommand },
  doctor: { about: 'what works on this machine', open: async () => (await import('./commands/doctor.ts')).doctorCommand },
}

/** Commands of interface.md that later work brings. */
export const LATER: ReadonlySet<string> = new Set(['serve', 'tools', 'audit', 'init'])

/** The second words that may follow `first`. */
export function groupOf(first: string): string[] {
  return Object.keys(COMMANDS).flatMap((name) => (name.startsWith(`${first} `) ? [name.slice(first.length + 1)] : []))
}
