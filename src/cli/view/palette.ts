import { styleText } from 'node:util'

type Paint = (text: string) => string

/** What each part of the view looks like. */
export interface Palette {
  readonly title: Paint
  readonly faint: Paint
  readonly code: Paint
  readonly call: Paint
  readonly good: Paint
  readonly bad: Paint
  readonly ask: Paint
}

const same: Paint = (text) => text

export const PLAIN: Palette = { title: same, faint: same, code: same, call: same, good: same, bad: same, ask: same }

/** Colours, unless the terminal or `NO_COLOR` says that it wants none. */
export function paletteOf(stream: NodeJS.WriteStream): Palette {
  const paint =
    (format: Parameters<typeof styleText>[0]): Paint =>
    (text) =>
      styleText(format, text, { stream })
  return {
    title: paint('bold'),
    faint: paint('dim'),
    code: paint('cyan'),
    call: paint('magenta'),
    good: paint('green'),
    bad: paint('red'),
    ask: paint('yellow'),
  }
}
