import { defineConfig, type TroupeConfig } from 'troupe'
import { readPrices } from './prices.ts'
import { OUT_DIR, PRICES_FILE, SCRIPT_FILE, STORE_FILE } from './settings.ts'
import { stockDesk } from './stock-desk.ts'

// For the command line: npx troupe resume RUN --config examples/stock-desk/troupe.config.ts
const config: TroupeConfig = defineConfig({
  model: `script:${SCRIPT_FILE}`,
  agents: { analyst: stockDesk({ prices: await readPrices(PRICES_FILE), outDir: OUT_DIR }) },
  store: `sqlite:${STORE_FILE}`,
})

export default config
