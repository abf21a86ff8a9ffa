/** What a member says its result rests on. */
export interface Evidence {
  /** `TOOL#n`: its n-th call of a tool; `2.5`: call 5 of step 2; `step#n`: what its code of step n printed or gave; `inputs.NAME`: what it was given. */
  readonly ref: string
  /** A piece of that, word by word; a number may be written in another way. */
  readonly quote: string
}

/** The same after code has looked: `fault` says why it does not stand. */
export interface CheckedEvidence extends Evidence {
  readonly fault?: string
}

/** One thing that was recorded while a task was done: what a call gave, what a step printed, what came in. */
export interface Source {
  /** All names that a `ref` may give it. */
  readonly refs: readonly string[]
  readonly text: string
}

/** Holds each piece of evidence against what was recorded. */
export function checkEvidence(evidence: readonly Evidence[], sources: readonly Source[]): readonly CheckedEvidence[] {
  const byRef = new Map(sources.flatMap((source) => source.refs.map((ref) => [ref.toLowerCase(), source] as const)))
  return evidence.map((one) => {
    const source = byRef.get(one.ref.trim().toLowerCase())
    if (!source) return { ...one, fault: `there is no '${one.ref}'; there are ${refsIn(sources)}` }
    if (stands(source.text, one.quote)) return one
    return { ...one, fault: `'${shortened(one.quote)}' does not stand in ${one.ref}` }
  })
}

function refsIn(sources: readonly Source[]): string {
  const names = sources.map(({ refs }) => refs[0]).slice(0, 20)
  return names.length === 0 ? 'no recorded calls, steps or inputs' : names.join(', ')
}

/** Whether a quote stands in a text: as its words, whatever the white space and quotation marks, or as a number of the text. */
export function stands(text: string, quote: string): boolean {
  const wanted = folded(quote)
  if (wanted === '') return false
  const number = numberOf(quote)
  // A number stands only as a whole one: 12 is no quote from 312.
  if (number !== null) return numbersIn(text).has(number)
  return folded(text).includes(wanted) || folded(unescaped(text)).includes(wanted)
}

/** Recorded values are JSON text: quoted words may be written without its escapes. */
function unescaped(text: string): string {
  return text.replace(/\\(["\\/nrt])/g, (_, char: string) => (char === 'n' || char === 'r' || char === 't' ? ' ' : char))
}

function folded(text: string): string {
  // Of plain characters alone, which most texts are, all else that is folded below is not there.
  if (/^[\s -~]*$/.test(text)) return text.replace(/\s+/g, ' ').trim().toLowerCase()
  return text
    .normalize('NFKC')
    .replace(/[“”„«»]/g, '"')
    .replace(/[‘’‚]/g, "'")
    .replace(/[‐-―−]/g, '-')
    .replace(/\s+/g, ' ')
    .trim()
    .toLowerCase()
}

/** The number that a text is, as one text for all its ways of writing; null when it is none. `1,234.50`, `−12.5 %`, `$ 3` and `1e3` are numbers. */
export function numberOf(text: string): number | null {
  const bare = folded(text).replace(/^(usd|eur|gbp|[$€£])\s*|\s*(usd|eur|gbp|[$€£%])$/g, '')
  if (!/^[+-]?(\d{1,3}(,\d{3})+|\d+)?(\.\d+)?(e[+-]?\d+)?$/.test(bare) || !/\d/.test(bare)) return null
  const value = Number(bare.replaceAll(',', ''))
  return Number.isFinite(value) ? value : null
}

const NUMBER = /(?<![\p{L}\d.])[+-]?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?(?:e[+-]?\d+)?(?![\p{L}\d])/giu

/** Every number in a text. A list such as `1,234,567` is read both as one number and as its parts. */
function numbersIn(text: string): ReadonlySet<number> {
  const plain = folded(text)
  const found = new Set<number>()
  for (const [match] of plain.matchAll(NUMBER)) {
    const value = numberOf(match)
    if (value !== null) found.add(value)
  }
  for (const part of plain.split(/[,\s[\]{}:;"()]+/)) {
    const value = numberOf(part)
    if (value !== null) found.add(value)
  }
  return found
}

function shortened(text: string): string {
  return text.length <= 120 ? text : `${text.slice(0, 117)}…`
}
