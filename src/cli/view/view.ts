import type { RunEvent } from '../../client/event.ts'

/** Shows the events of a run as they come. */
export interface View {
  show(event: RunEvent): Promise<void>
  /** Takes away what is only there until the next event, before something else writes to the terminal. */
  settle(): Promise<void>
}
