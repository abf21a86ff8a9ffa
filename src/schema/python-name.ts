/** After a small letter or digit, and before the last capital of a run that starts a word. */
const WORD_END = /[a-z0-9](?=[A-Z])|[A-Z](?=[A-Z][a-z])/g

/** Agents are made and runs start with the same few names again and again. */
const known = new Map<string, string>()
const MOST_KNOWN = 2_000

/** The snake_case form of a name: `readContext` gives `read_context`, `fetchHTMLPage` gives `fetch_html_page`. */
export function pythonName(name: string): string {
  let snake = known.get(name)
  if (snake === undefined) {
    if (known.size >= MOST_KNOWN) known.clear()
    known.set(name, (snake = name.replace(WORD_END, '$&_').toLowerCase()))
  }
  return snake
}
