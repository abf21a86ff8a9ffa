/** A word, number or sign of Python; strings are one token each. */
export interface Token {
  readonly type: 'name' | 'sign' | 'other'
  readonly text: string
  readonly line: number
  /** Brackets that are open around it. */
  readonly depth: number
}

/** One logical line: what Python sees as a line, however many lines of the file it takes. */
export interface LogicalLine {
  readonly line: number
  /** Where the physical line begins in the text. */
  readonly start: number
  readonly indent: number
  readonly tokens: readonly Token[]
}

const WORD = /[\p{L}\p{N}_]+/uy
const STRING = /(?:[rRbBuUfFtT]{1,2})?(?:"""|'''|"|')/y
const SPACE = /[ \t\f]+|\\\r?\n/y
const SIGN = /:=|->|\*\*=|\/\/=|>>=|<<=|[-+*/%@&|^=!<>]=|\*\*|\/\/|<<|>>|./suy
const TAB_WIDTH = 8

/**
 * The logical lines of Python source, for text that parses; for text that does not, lines that may be wrong and no error.
 * Enough to see which names a line binds and where a statement ends; it is no parser.
 */
export function scan(source: string): LogicalLine[] {
  return new Scanner(source).lines()
}

class Scanner {
  readonly #source: string
  #at = 0
  #line = 1

  constructor(source: string) {
    this.#source = source
  }

  lines(): LogicalLine[] {
    const lines: LogicalLine[] = []
    while (this.#at < this.#source.length) {
      const [start, line] = [this.#at, this.#line]
      const indent = this.#indent()
      const tokens = this.#tokens()
      if (tokens.length > 0) lines.push({ line, start, indent, tokens })
    }
    return lines
  }

  #indent(): number {
    let width = 0
    for (; ; this.#at++) {
      const char = this.#source[this.#at]
      if (char === ' ') width++
      else if (char === '\t') width += TAB_WIDTH - (width % TAB_WIDTH)
      else if (char !== '\f') return width
    }
  }

  /** Up to the end of the logical line. */
  #tokens(): Token[] {
    const tokens: Token[] = []
    let depth = 0
    while (this.#at < this.#source.length) {
      const char = this.#source[this.#at] as string
      if (char === '\n') {
        this.#newline()
        if (depth === 0) return tokens
      } else if (char === '\r') this.#at++
      else if (char === '#') this.#skipComment()
      else if (this.#take(SPACE) === '') {
        const line = this.#line
        const quote = this.#take(STRING)
        if (quote !== '') {
          this.#string(quote)
          tokens.push({ type: 'other', text: quote, line, depth })
          continue
        }
        const word = this.#take(WORD)
        if (word !== '') {
          tokens.push({ type: /^\p{N}/u.test(word) ? 'other' : 'name', text: word.normalize('NFKC'), line, depth })
          continue
        }
        const sign = this.#take(SIGN)
        if (')]}'.includes(sign)) depth = Math.max(0, depth - 1)
        tokens.push({ type: 'sign', text: sign, line, depth })
        if ('([{'.includes(sign)) depth++
      }
    }
    return tokens
  }

  /** Takes what the pattern matches here; '' when it does not. */
  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    const text = pattern.exec(this.#source)?.[0] ?? ''
    this.#at += text.length
    if (text.endsWith('\n')) this.#line++
    return text
  }

  #newline(): void {
    this.#at++
    this.#line++
  }

  #skipComment(): void {
    const end = this.#source.indexOf('\n', this.#at)
    this.#at = end < 0 ? this.#source.length : end
  }

  /** From behind the opening quote to behind the closing one. */
  #string(opening: string): void {
    const quote = opening.replace(/^\w+/, '')
    const isFormatted = /^\w*[fFtT]/.test(opening)
    while (this.#at < this.#source.length) {
      const char = this.#source[this.#at]
      if (this.#source.startsWith(quote, this.#at)) {
        this.#at += quote.length
        return
      }
      if (char === '\\') {
        this.#at++
        if (this.#source[this.#at] === '\n') this.#newline()
        else this.#at++
      } else if (char === '\n') {
        // A string in single quotes ends with its line; here the source does not parse.
        if (quote.length === 1) return
        this.#newline()
      } else if (isFormatted && char === '{') {
        this.#at++
        if (this.#source[this.#at] === '{') this.#at++
        else this.#field(quote)
      } else this.#at++
    }
  }

  /** An expression in an f-string, to behind its closing brace; it may hold strings with the same quotes. */
  #field(outer: string): void {
    let depth = 0
    while (this.#at < this.#source.length) {
      const char = this.#source[this.#at] as string
      if (char === '\n') {
        if (outer.length === 1) return
        this.#newline()
      } else if (char === '}' && depth === 0) {
        this.#at++
        return
      } else if (char === ':' && depth === 0) {
        this.#at++
        this.#format(outer)
        return
      } else {
        const quote = this.#take(STRING)
        if (quote !== '') this.#string(quote)
        else if (this.#take(WORD) === '') {
          if ('([{'.includes(char)) depth++
          if (')]}'.includes(char)) depth--
          this.#at++
        }
      }
    }
  }

  /** The part of a field behind its colon, which is text that may have fields of its own. */
  #format(outer: string): void {
    while (this.#at < this.#source.length) {
      const char = this.#source[this.#at]
      if (char === '\n' || this.#source.startsWith(outer, this.#at)) return
      this.#at++
      if (char === '}') return
      if (char === '{') this.#field(outer)
    }
  }
}
