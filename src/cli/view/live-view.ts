import type { RunEvent } from '../../client/event.ts'
import { print } from '../output.ts'
import { visible } from '../text.ts'
import { eventLines } from './event-lines.ts'
import { paletteOf, type Palette } from './palette.ts'
import type { View } from './view.ts'

/** What a model is saying right now. */
interface Stream {
  readonly agent: string
  readonly attempt: number
  readonly text: string
}

/** The tail of what streams in that is on the screen at most, in lines. */
const MAX_REGION = 12

const MARGIN = '  '

/**
 * A view for a terminal: finished events are printed once and scroll away; below them the text that models are writing
 * is drawn again with each piece, and dropped when a new attempt begins or the answer is complete.
 */
export function liveView(terminal: NodeJS.WriteStream): View {
  const palette = paletteOf(terminal)
  const streams = new Map<string, Stream>()
  let drawn = 0

  const redraw = async (lines: readonly string[]): Promise<void> => {
    const rows = Math.max(1, Math.min(MAX_REGION, (terminal.rows || 24) - 2))
    const region = regionOf(streams, palette, rows, Math.max(10, (terminal.columns || 80) - MARGIN.length))
    await print(erase(drawn) + lines.map((line) => `${line}\n`).join('') + draw(region))
    drawn = region.length
  }
  return {
    show: async (event) => {
      follow(streams, event)
      await redraw(eventLines(event, palette))
    },
    settle: async () => {
      streams.clear()
      await redraw([])
    },
  }
}

function follow(streams: Map<string, Stream>, event: RunEvent): void {
  if (event.type === 'step-start') streams.set(event.runId, { agent: event.agent, attempt: 1, text: '' })
  if (event.type === 'model-end' || event.type === 'run-end') streams.delete(event.runId)
  if (event.type !== 'model-delta') return
  const known = streams.get(event.runId)
  const text = known?.attempt === event.attempt ? known.text + event.text : event.text
  streams.set(event.runId, { agent: event.agent, attempt: event.attempt, text })
}

function regionOf(streams: ReadonlyMap<string, Stream>, { faint }: Palette, rows: number, columns: number): string[] {
  const lines = [...streams.values()].flatMap(({ agent, attempt, text }) => {
    const shown = visible(text).trimEnd()
    const again = attempt === 1 ? '' : `, attempt ${attempt}`
    return shown === '' ? [`${agent} asks the model${again} …`] : shown.split('\n').flatMap((line) => wrapped(line, columns))
  })
  return lines.slice(-rows).map((line) => faint(MARGIN + line))
}

/** Lines of at most so many characters; one of wide characters runs over the edge and is cut there. */
function wrapped(line: string, columns: number): string[] {
  return line.length <= columns ? [line] : (line.match(new RegExp(`.{1,${columns}}`, 'gu')) ?? [])
}

/** Without automatic wrapping each line takes one row, however wide its characters are, so that it can be erased again. */
function draw(region: readonly string[]): string {
  return region.length === 0 ? '' : `\u001b[?7l${region.join('\n')}\u001b[?7h`
}

function erase(rows: number): string {
  if (rows === 0) return ''
  return `\r${rows > 1 ? `\u001b[${rows - 1}A` : ''}\u001b[0J`
}
