import { tool, type AnyTool } from 'troupe'
import { z } from 'zod'
import type { Prices } from '../prices.ts'

const Coverage = z.object({ symbol: z.string(), first: z.string(), last: z.string(), months: z.number().int() })

/** What data there is: the agent should look before it asks. */
export function listSymbols(prices: Prices): AnyTool {
  return tool({
    name: 'listSymbols',
    description: 'The shares with prices, and the first and last month (YYYY-MM) of each.',
    effect: 'read',
    input: z.object({}),
    output: z.array(Coverage),
    run: () =>
      [...prices].map(([symbol, closes]) => ({
        symbol,
        first: closes.at(0)?.month ?? '',
        last: closes.at(-1)?.month ?? '',
        months: closes.length,
      })),
  })
}
