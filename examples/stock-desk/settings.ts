import { join } from 'node:path'
import type { Language } from 'troupe'

/** Where things are. The tests run the desk on other prices and into another folder. */
export const PRICES_FILE: string = process.env['STOCK_DESK_PRICES'] ?? join(import.meta.dirname, 'data/stocks.csv')
export const OUT_DIR: string = process.env['STOCK_DESK_OUT'] ?? '.troupe/out'
export const STORE_FILE: string = process.env['STOCK_DESK_STORE'] ?? '.troupe/troupe.db'
/** The language of `resume` and of `npm start` without `--language`. */
export const LANGUAGE: Language = process.env['STOCK_DESK_LANGUAGE'] === 'python' ? 'python' : 'typescript'
/** The same conversation twice; the Python stays within the subset that the light sandbox runs. */
export const SCRIPT_FILES: Readonly<Record<Language, string>> = {
  typescript: join(import.meta.dirname, 'script.json'),
  python: join(import.meta.dirname, 'script-python.json'),
}
