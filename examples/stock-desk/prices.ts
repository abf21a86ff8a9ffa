import { readFile } from 'node:fs/promises'

/** The closing price of one month, in USD. `month` is `YYYY-MM`. */
export interface Close {
  readonly month: string
  readonly close: number
}

/** Closes by symbol, oldest first. */
export type Prices = ReadonlyMap<string, readonly Close[]>

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** Reads a file of rows `MSFT,Jan 1 2000,39.81`. A row that does not read is an error, never left out. */
export async function readPrices(file: string): Promise<Prices> {
  const [, ...rows] = (await readFile(file, 'utf8')).trim().split(/\r?\n/)
  const closes = rows.map((row, index) => readRow(row, `${file}:${index + 2}`))
  return new Map(
    [...Map.groupBy(closes, ({ symbol }) => symbol)].map(([symbol, all]) => [
      symbol,
      all.map(({ month, close }) => ({ month, close })).toSorted((a, b) => a.month.localeCompare(b.month)),
    ]),
  )
}

function readRow(row: string, place: string): Close & { symbol: string } {
  const [, symbol, name = '', year, price] = /^([A-Z]+),([A-Z][a-z]{2}) \d+ (\d{4}),(\d+(?:\.\d+)?)$/.exec(row.trim()) ?? []
  const month = MONTHS.indexOf(name) + 1
  if (!symbol || month === 0) throw new Error(`${place}: no row symbol,date,price: ${row}`)
  return { symbol, month: `${year}-${String(month).padStart(2, '0')}`, close: Number(price) }
}
