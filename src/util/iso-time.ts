let last = NaN
let text = ''

/** A time as ISO 8601, UTC. Many are asked for within one millisecond: its text is made once. */
export function isoTime(ms: number): string {
  if (ms !== last) {
    text = new Date(ms).toISOString()
    last = ms
  }
  return text
}
