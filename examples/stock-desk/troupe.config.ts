import { defineConfig, type TroupeConfig } from 'troupe'
import { readPrices } from './prices.ts'
import { LANGUAGE, OUT_DIR, PRICES_FILE, SCRIPT_FILES, STORE_FILE } from './settings.ts'
import { stockDesk } from './stock-desk.ts'

// For the command line: npx troupe resume RUN --config examples/stock-desk/troupe.config.ts (STOCK_DESK_LANGUAGE=python for a run in Python)
const config: TroupeConfig = defineConfig({
  model: `script:${SCRIPT_FILES[LANGUAGE]}`,
  agents: { desk: stockDesk({ prices: await readPrices(PRICES_FILE), outDir: OUT_DIR, language: LANGUAGE }) },
  store: `sqlite:${STORE_FILE}`,
})

export default config
