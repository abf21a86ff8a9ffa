import { BarChart } from 'echarts/charts'
import { GridComponent, LegendComponent, TitleComponent } from 'echarts/components'
import { init, use } from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'

use([BarChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer])

export interface BarChartData {
  readonly title: string
  readonly unit: string
  readonly categories: readonly string[]
  readonly series: readonly { readonly name: string; readonly values: readonly (number | null)[] }[]
}

/** A grouped bar chart as SVG text; the same data gives the same text. */
export function barChart({ title, unit, categories, series }: BarChartData): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: 1100, height: 520 })
  try {
    chart.setOption({
      animation: false,
      title: { text: title, left: 'center' },
      legend: { bottom: 8 },
      grid: { left: 64, right: 24, top: 56, bottom: 56 },
      xAxis: { type: 'category', data: [...categories], axisLine: { onZero: false } },
      yAxis: { type: 'value', name: unit },
      series: series.map(({ name, values }) => ({ type: 'bar', name, data: [...values] })),
    })
    return withoutHover(chart.renderToSVGString())
  } finally {
    chart.dispose()
  }
}

/** The styles for hovering are named by a counter of the process, and a file needs none. */
function withoutHover(svg: string): string {
  return svg.replace(/ class="[^"]*"/g, '').replace(/<style[^>]*>[^]*?<\/style>\s*/g, '')
}
