import { join } from 'node:path'

/** Where things are. The tests run the desk on other prices and into another folder. */
export const PRICES_FILE: string = process.env['STOCK_DESK_PRICES'] ?? join(import.meta.dirname, 'data/stocks.csv')
export const OUT_DIR: string = process.env['STOCK_DESK_OUT'] ?? '.troupe/out'
export const STORE_FILE: string = process.env['STOCK_DESK_STORE'] ?? '.troupe/troupe.db'
export const SCRIPT_FILE: string = join(import.meta.dirname, 'script.json')
