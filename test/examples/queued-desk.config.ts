import { defineConfig, queued, type TroupeConfig } from 'troupe'
import { readPrices } from '../../examples/stock-desk/prices.ts'
import { OUT_DIR, PRICES_FILE, SCRIPT_FILES, STORE_FILE } from '../../examples/stock-desk/settings.ts'
import { stockDesk } from '../../examples/stock-desk/stock-desk.ts'

/** The stock desk of the example, with its members on whichever worker of the store has a turn for them. */
const config: TroupeConfig = defineConfig({
  model: `script:${SCRIPT_FILES.typescript}`,
  agents: { desk: stockDesk({ prices: await readPrices(PRICES_FILE), outDir: OUT_DIR, place: queued }) },
  store: `sqlite:${STORE_FILE}`,
})

export default config
