import { EXIT } from './exit-code.ts'

export interface SignalHandlers {
  /** The first Ctrl-C. */
  cancel(): void
  /** SIGTERM, or a terminal that was closed: the work stays as it stands and can be resumed. */
  stop(exitCode: number): void
}

export interface Signals extends Disposable {
  /** A Ctrl-C that a prompt has caught, because the terminal was its own. */
  interrupt(): void
}

/** Listens for signals while a run is followed. A second one of any kind ends the process at once. */
export function onSignals({ cancel, stop }: SignalHandlers): Signals {
  let seen = false
  const once =
    (first: () => void, exitCode: number): (() => void) =>
    () => {
      if (seen) process.exit(exitCode)
      seen = true
      first()
    }
  const handlers = {
    SIGINT: once(cancel, EXIT.cancelled),
    SIGTERM: once(() => stop(EXIT.stopped), EXIT.stopped),
    SIGHUP: once(() => stop(EXIT.hangup), EXIT.hangup),
  }
  for (const [signal, handler] of Object.entries(handlers)) process.on(signal, handler)
  return {
    interrupt: handlers.SIGINT,
    [Symbol.dispose]: () => {
      for (const [signal, handler] of Object.entries(handlers)) process.off(signal, handler)
    },
  }
}
