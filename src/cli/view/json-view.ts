import { printJson } from '../output.ts'
import type { View } from './view.ts'

/** One event a line, as it is. */
export function jsonView(): View {
  return { show: printJson, settle: async () => {} }
}
