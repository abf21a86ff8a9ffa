/** Why a text is no well-formed XML document, or nothing: tags nest, attributes are quoted, text is escaped. */
export function xmlFault(text: string): string | undefined {
  const markup = /<!\[CDATA\[[^]*?\]\]>|<!--[^]*?-->|<\?[^]*?\?>|<(\/?)([A-Za-z][\w:.-]*)((?:\s+[\w:.-]+="[^"<]*")*)\s*(\/?)>/g
  const open: string[] = []
  let end = 0
  let roots = 0
  for (const match of text.matchAll(markup)) {
    const between = text.slice(end, match.index)
    if (/[<>]|&(?!(?:amp|lt|gt|quot|apos|#\d+|#x[\da-fA-F]+);)/.test(between)) return `loose markup in ${JSON.stringify(between)}`
    if (open.length === 0 && between.trim() !== '') return `text outside the root: ${JSON.stringify(between)}`
    end = match.index + match[0].length
    const [, slash, name, attributes = '', selfClosing] = match
    if (name === undefined) continue
    const names = [...attributes.matchAll(/([\w:.-]+)=/g)].map(([, attribute]) => attribute)
    if (new Set(names).size < names.length) return `an attribute twice in ${match[0]}`
    if (slash && open.pop() !== name) return `</${name}> closes nothing`
    if (!slash && open.length === 0) roots++
    if (!slash && !selfClosing) open.push(name)
  }
  if (text.slice(end).trim() !== '') return `loose text at the end: ${JSON.stringify(text.slice(end, end + 40))}`
  if (open.length > 0) return `${open.join(', ')} not closed`
  return roots === 1 ? undefined : `${roots} roots`
}
