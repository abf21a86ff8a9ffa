import { access, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { tool, type AnyTool } from 'troupe'
import { z } from 'zod'
import { FileName } from '../save.ts'

const Report = z.object({
  markdown: z.string(),
  missing: z.array(z.string()).describe('files that it links to and that are not there'),
})

/** For the last look at what has been written. */
export function readReport(outDir: string): AnyTool {
  return tool({
    name: 'readReport',
    description: 'The text of a report that was written, by its file name without the folder.',
    effect: 'read',
    input: z.object({ fileName: FileName('md') }),
    output: Report,
    run: async ({ fileName }) => {
      const markdown = await readFile(join(outDir, fileName), 'utf8')
      const links = [...markdown.matchAll(/\]\(([A-Za-z0-9-]+\.svg)\)/g)].map(([, name = '']) => name)
      const missing = await Promise.all(links.map(async (name) => ((await isThere(join(outDir, name))) ? [] : [name])))
      return { markdown, missing: missing.flat() }
    },
  })
}

async function isThere(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  )
}
