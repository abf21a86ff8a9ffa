import { tool, type AnyTool } from 'troupe'
import { z } from 'zod'
import { FileName, save } from '../save.ts'

/** Draws with echarts, on the host: a chart library is no work for an interpreter. */
export function saveChart(outDir: string): AnyTool {
  return tool({
    name: 'saveChart',
    description: 'Draws a bar chart as an SVG file: one group of bars for each category, one bar in it for each series.',
    effect: 'idempotent',
    input: z.object({
      fileName: FileName('svg'),
      title: z.string(),
      unit: z.string().describe('of the values, such as % or USD'),
      categories: z.array(z.string()).min(1),
      series: z
        .array(z.object({ name: z.string(), values: z.array(z.number().nullable()) }))
        .min(1)
        .describe('a value for each category; null where there is none'),
    }),
    output: z.object({ path: z.string() }),
    run: async ({ fileName, ...chart }) => {
      const uneven = chart.series.find(({ values }) => values.length !== chart.categories.length)
      if (uneven) throw new Error(`${uneven.name} has ${uneven.values.length} values for ${chart.categories.length} categories`)
      const { barChart } = await import('../bar-chart.ts') // echarts is 500 modules: loaded where something is drawn
      return { path: await save(outDir, fileName, barChart(chart)) }
    },
  })
}
