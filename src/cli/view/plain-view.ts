import { print } from '../output.ts'
import { eventLines } from './event-lines.ts'
import { PLAIN } from './palette.ts'
import type { View } from './view.ts'

/** Lines without colour, for pipes and files; what streams is told when it is complete. */
export function plainView(): View {
  return {
    show: async (event) => {
      const lines = eventLines(event, PLAIN)
      if (lines.length > 0) await print(lines.join('\n') + '\n')
    },
    settle: async () => {},
  }
}
