import { tool, type AnyTool } from 'troupe'
import { z } from 'zod'
import { FileName, save } from '../save.ts'

export function writeReport(outDir: string): AnyTool {
  return tool({
    name: 'writeReport',
    description: 'Writes the report as a Markdown file, beside the charts: link to a chart by its file name.',
    effect: 'idempotent',
    input: z.object({ fileName: FileName('md'), markdown: z.string() }),
    output: z.object({ path: z.string() }),
    run: async ({ fileName, markdown }) => ({ path: await save(outDir, fileName, `${markdown.trim()}\n`) }),
  })
}
