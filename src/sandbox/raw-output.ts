/** Marks that never came are waited for in this many later steps, at most. */
const MAX_LATE = 4

/** What a guest writes on a standard stream when a step has ended: what came before it on that stream belongs to the step. */
export function endMark(token: string): string {
  return `\0${token}\0`
}

/**
 * One standard stream of a guest, past its own prints: what other programs wrote, in lines, up to the mark of the step's end.
 * A mark that comes late, in a later step, takes what was before it along. The mark is never shown.
 */
export class RawOutput {
  /** The running step's last; before it those of steps that ended without theirs. */
  #marks: string[] = []
  #held = ''
  #line = ''
  #hasEnded = true

  /** The mark of the running step was seen, or none is asked for. */
  get hasEnded(): boolean {
    return this.#hasEnded
  }

  begin(token: string): void {
    if (this.#hasEnded) this.#marks = []
    this.#marks = [...this.#marks.slice(-MAX_LATE), endMark(token)]
    this.#line = ''
    this.#hasEnded = false
  }

  /** What is to be shown of `text`: whole lines, joined, null where there is none yet; and what was read of it that is no mark. */
  push(text: string): { readonly lines: string | null; readonly size: number } {
    if (this.#hasEnded) return { lines: null, size: text.length }
    let all = this.#held + text
    let size = all.length
    this.#held = ''
    const current = this.#marks.length - 1
    for (let i = current - 1; i >= 0; i--) {
      const mark = this.#marks[i] ?? ''
      const at = all.indexOf(mark)
      if (at < 0) continue
      all = all.slice(at + mark.length)
      size -= mark.length
      this.#line = ''
      this.#marks.splice(0, i + 1)
      break
    }
    const last = this.#marks.at(-1) ?? ''
    const end = all.indexOf(last)
    if (end >= 0) {
      this.#hasEnded = true
      size -= last.length
      all = all.slice(0, end)
    } else {
      const keep = this.#beginning(all)
      this.#held = all.slice(keep)
      size -= this.#held.length
      all = all.slice(0, keep)
    }
    const at = all.lastIndexOf('\n')
    if (at < 0) {
      this.#line += all
      return { lines: null, size }
    }
    const lines = this.#line + all.slice(0, at)
    this.#line = all.slice(at + 1)
    return { lines, size }
  }

  /** What is left at the end of the step: a line without its end. */
  rest(): string {
    const rest = this.#line + this.#held
    this.#line = this.#held = ''
    return rest
  }

  /** Where a mark may have begun that is not whole yet; the text's length where none has. */
  #beginning(text: string): number {
    const longest = Math.max(...this.#marks.map(({ length }) => length))
    for (let at = text.indexOf('\0', Math.max(0, text.length - longest)); at >= 0; at = text.indexOf('\0', at + 1)) {
      const part = text.slice(at)
      if (this.#marks.some((mark) => mark.startsWith(part))) return at
    }
    return text.length
  }
}
