import { readFileSync } from 'node:fs'
import { afterAll, describe, expect } from 'vitest'
import { bubblewrap } from '../../src/sandbox/bubblewrap/bubblewrap.ts'
import { container } from '../../src/sandbox/container/container.ts'
import { limitsOf } from '../../src/sandbox/limits.ts'
import type { Sandbox } from '../../src/sandbox/sandbox.ts'
import { drive } from '../../src/testing/sandbox-conformance/drive.ts'
import { DOCKER_SOCKET, IMAGE, itNeeds, noBubblewrap, noDocker, ROOTFS } from '../services.ts'
import { place } from './cli-harness.ts'

const stocks = readFileSync(new URL('../../examples/stock-desk/data/stocks.csv', import.meta.url), 'utf8')
const rows = stocks
  .trim()
  .split('\n')
  .slice(1)
  .map((line) => line.split(','))

const TIERS = [
  { name: 'bubblewrap', missing: noBubblewrap, open: (packages: readonly string[]) => bubblewrap({ rootfs: ROOTFS, packages, warm: 0 }) },
  {
    name: 'container',
    missing: noDocker,
    open: (packages: readonly string[]) => container({ image: IMAGE, socketPath: DOCKER_SOCKET, packages, warm: 0 }),
  },
  {
    name: 'gvisor',
    missing: noDocker,
    open: (packages: readonly string[]) => container({ runtime: 'runsc', image: IMAGE, socketPath: DOCKER_SOCKET, packages, warm: 0 }),
  },
] as const

const READ = `import pandas as pd
frame = pd.DataFrame(prices(), columns=["symbol", "date", "price"])
frame["price"] = frame["price"].astype(float)
print(frame.head(5))
frame.groupby("symbol")["price"].mean().round(2).to_dict()`

for (const { name, missing, open } of TIERS) {
  const it = itNeeds(missing)
  describe(`Python in ${name}`, () => {
    const sandboxes: (Sandbox & AsyncDisposable)[] = []
    const session = async (packages: readonly string[] = []) => {
      const sandbox = open(packages)
      sandboxes.push(sandbox)
      return sandbox.open({
        language: 'python',
        limits: limitsOf(),
        tools: [{ name: 'prices', parameters: [], signature: 'prices()' }],
        context: {},
      })
    }
    afterAll(async () => {
      for (const sandbox of sandboxes) await sandbox[Symbol.asyncDispose]()
    })

    it('reads the stock prices into a DataFrame and prints its first five rows', async () => {
      await using python = await session(['pandas'])
      const { prints, value, error } = await drive(python, READ, { tools: { prices: () => rows } })
      expect(error).toBe(null)
      const lines = prints.join('\n').split('\n')
      expect(lines.length).toBe(6)
      expect(lines[1]).toMatch(/^0\s+MSFT\s+Jan 1 2000\s+39\.81$/)
      expect(lines[5]).toMatch(/^4\s+MSFT/)
      expect(Object.keys(value as object)).toEqual(['AAPL', 'AMZN', 'GOOG', 'IBM', 'MSFT'])
    })

    it('imports what was allowed and what that needs, and nothing else', async () => {
      await using python = await session(['numpy'])
      expect((await drive(python, 'import numpy\nfloat(numpy.mean([1, 2, 3]))')).value).toBe(2)
      const { error } = await drive(python, 'import json\nimport pandas', { step: 2 })
      expect(error).toMatchObject({ kind: 'denied', name: 'ImportError', line: 2 })
      expect(error?.message).toContain("'pandas'")
      await using bare = await session()
      expect((await drive(bare, 'import numpy')).error).toMatchObject({ name: expect.stringMatching(/Error$/) as string })
    })

    it('has the clock, the date and the chance of the step, and says the same in a replay', async () => {
      const world =
        'import time, random, datetime\nfrom datetime import datetime as dt\n[time.time(), dt.now().isoformat(), datetime.date.today().isoformat(), random.random(), hash("a"), dt(2020, 1, 2), isinstance(dt.now(), dt)]'
      const values: unknown[] = []
      for (let run = 0; run < 2; run++) {
        await using python = await session()
        values.push((await drive(python, world, { clock: 86_400_000, seed: 5 })).value)
      }
      expect(values[0]).toEqual(values[1])
      expect((values[0] as unknown[]).slice(0, 3)).toEqual([86_400, '1970-01-02T00:00:00', '1970-01-02'])
      expect((values[0] as unknown[]).slice(5)).toEqual([new Date(Date.UTC(2020, 0, 2)), true])
    })

    it('captures what other programs print', async () => {
      await using python = await session()
      const { prints } = await drive(python, 'import subprocess\nprint("one")\nsubprocess.run(["echo", "two"])\n0')
      expect(prints.toSorted()).toEqual(['one', 'two'])
    })

    it('stops a step of 1 s within 1.3 s', async () => {
      const sandbox = open([])
      sandboxes.push(sandbox)
      await using python = await sandbox.open({ language: 'python', limits: limitsOf({ timeoutMs: 1_000 }), tools: [], context: {} })
      const began = performance.now()
      expect((await drive(python, 'while True: pass')).error).toMatchObject({ kind: 'timeout' })
      expect(performance.now() - began).toBeLessThan(1_300)
    })
  })

  describe(`troupe exec --sandbox ${name}`, () => {
    for (const [language, code] of [
      ['python', 'print("hi")\nsum(range(10))'],
      ['typescript', 'console.log("hi")\nlet sum = 0\nfor (let i = 0; i < 10; i++) sum += i\nsum'],
    ] as const) {
      it(`runs ${language}`, async () => {
        const env = { TROUPE_SANDBOX_ROOTFS: ROOTFS, TROUPE_DOCKER_SOCKET: DOCKER_SOCKET, TROUPE_SANDBOX_IMAGE: IMAGE }
        const { out } = await place().troupe(['exec', '-', '--json', '--sandbox', name, '--language', language], { input: code, env })
        expect(JSON.parse(out)).toMatchObject({ ok: true, value: 45, output: 'hi', isolation: name === 'bubblewrap' ? 'namespace' : name })
      })
    }
  })
}
