/** The snake_case form of a name: `readContext` gives `read_context`, `fetchHTMLPage` gives `fetch_html_page`. */
export function pythonName(name: string): string {
  return name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replaceAll(/([A-Z]+)([A-Z][a-z])/g, '$1_$2')
    .toLowerCase()
}
