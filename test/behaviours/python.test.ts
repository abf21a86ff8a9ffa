import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { codeAgent, tool } from '../../src/index.ts'
import { memory } from '../../src/engine/memory/memory.ts'
import { promptText } from '../../src/models/prompt-text.ts'
import { monty } from '../../src/sandbox/monty/monty.ts'
import { crashEverywhere } from '../../src/testing/crash-runner.ts'
import { scriptedModel } from '../../src/testing/scripted-model.ts'
import { eventsOf, lastMessage, ofType } from './support.ts'

const description = 'Works things out.'
const py = (text: string): string => `\`\`\`python\n${text}\n\`\`\``
const prices = tool({
  name: 'readPrices',
  description: 'Closing prices.',
  effect: 'read',
  input: z.object({ share: z.string(), maxRows: z.number().optional() }),
  output: z.array(z.object({ date: z.string(), close: z.number() })),
  run: ({ share, maxRows = 3 }) => Array.from({ length: maxRows }, (_, n) => ({ date: `2000-0${n + 1}-01`, close: share.length * 10 + n })),
})

/** Runs one program as a step, without a sandbox of its own being named; then ends. Gives what the model was shown of it. */
async function shownAfter(program: string): Promise<string> {
  const model = scriptedModel([py(program), py('final_answer("on")')])
  const run = codeAgent({ name: 'coder', description, language: 'python', model, tools: [prices] }).run('Go.')
  const events = await eventsOf(run)
  expect(await run).toMatchObject({ status: 'done', output: 'on' })
  expect(ofType(events, 'code')[0]).toMatchObject({ language: 'python', isolation: 'interpreter' })
  return lastMessage(model)
}

describe('22: modules that are not there', () => {
  it.each(['import random', 'from collections import Counter', 'import numpy as np', 'def f():\n    import requests\nf()'])(
    '22: %s names the module, what there is and where the rest is',
    async (program) => {
      const shown = await shownAfter(program)
      const module = /(?:import|from) (\w+)/.exec(program)?.[1] ?? ''
      expect(shown).toContain(`No module named '${module}'`)
      expect(shown).toContain('json, re, math, datetime and typing')
      expect(shown).toContain("sandbox 'bubblewrap' or 'container'")
      expect(shown).toMatch(/line \d of your code/)
    },
  )

  it.each([
    ['class A:\n    pass', 'class definitions'],
    ['def f():\n    yield 1', 'yield'],
    ['match 1:\n    case 1:\n        pass', 'pattern matching'],
    ['@f\ndef g():\n    pass', 'decorators'],
  ])('22: so does a construct that is not there: %s', async (program, construct) => {
    const shown = await shownAfter(program)
    expect(shown).toContain(construct)
    expect(shown).toContain('Nothing of this code was run')
  })

  it('22: the model is told beforehand', async () => {
    const model = scriptedModel([py('final_answer(1)')])
    await codeAgent({ name: 'coder', description, language: 'python', model }).run('Go.')
    expect(promptText(model.calls[0]?.prompt ?? [])).toContain('It has no classes')
  })
})

describe('36: errors that help', () => {
  it('36: a wrong key of a dict gets the keys that are near it', async () => {
    expect(await shownAfter('stock = {"alpha": 1, "beta": 2}\nstock["alhpa"]')).toMatch(
      /line 2 of your code\): KeyError: 'alhpa'\. Did you mean 'alpha'\?/,
    )
    expect(await shownAfter('rows = read_prices(share="IBM")\nrows[0]["closed"]')).toContain("Did you mean 'close'?")
    expect(await shownAfter('{"alpha": 1}["omega"]')).not.toContain('Did you mean')
  })

  it('36: a failing assert names its condition', async () => {
    expect(await shownAfter('total = 3\nassert total == 2  # must hold')).toContain('AssertionError: assert total == 2 is not true')
    expect(await shownAfter('assert 1 > 2, "one is not more"')).toContain('AssertionError: one is not more')
  })

  it('36: wrong arguments of a tool get its signature', async () => {
    expect(await shownAfter('read_prices("IBM", 1, 2)')).toContain('read_prices(share: str')
  })
})

describe('38: ways out', () => {
  it.each([
    'import builtins',
    'import importlib',
    'import subprocess',
    'import os\nos.system("id")',
    'import os\nos.environ["HOME"]',
    'import sys\nsys.modules',
    'import random\nrandom._os',
    'import queue\nqueue.threading._sys.modules["os"]',
    'open("/etc/passwd").read()',
    'eval("1")',
    'exec("1")',
    '__import__("os")',
    '().__class__.__base__',
    '"".__class__.__mro__',
    'object.__subclasses__()',
    '(lambda: 0).__globals__',
    'read_prices.__globals__',
    'getattr((), "__class__")',
    'list(map(getattr, [()], ["__class__"]))',
    'ValueError("x").__traceback__',
    'str.__dict__',
    '(1).__add__.__self__',
    'globals()["__builtins__"]',
  ])('38: %s is refused', async (program) => {
    expect(await shownAfter(program)).toMatch(/^Error/m)
  })
})

describe('a run in Python', () => {
  it('keeps variables and functions, takes tools by both names, and goes on after an error', async () => {
    const model = scriptedModel([
      py('def mean(xs):\n    return sum(xs) / len(xs)\nrows = read_prices(share="IBM", max_rows=2)\nprint(len(rows))'),
      py(
        'seen = []\nfor row in rows + readPrices("A"):\n    seen.append(row["close"])\n    if len(seen) == 4:\n        raise ValueError("enough")',
      ),
      py('final_answer({"mean": mean(seen), "n": len(seen), "kinds": (1, {2})})'),
    ])
    const run = codeAgent({ name: 'coder', description, language: 'python', model, tools: [prices] }).run('Go.')
    const events = await eventsOf(run)
    expect(await run).toMatchObject({ status: 'done', output: { mean: 20.5, n: 4, kinds: [1, new Set([2])] }, steps: 3 })
    expect(ofType(events, 'tool-start').map(({ args }) => args)).toEqual([{ share: 'IBM', maxRows: 2 }, { share: 'A' }])
  })

  it('survives a crash after each entry of its log', async () => {
    await using sandbox = monty({ processes: 2 })
    const report = await crashEverywhere({
      agent: () =>
        codeAgent({
          name: 'coder',
          description,
          language: 'python',
          sandbox,
          tools: [prices],
          model: scriptedModel([
            py('rows = read_prices(share="IBM")\nprint(rows[0]["date"])\nmore = read_prices(share="A")'),
            py('n = 0\nfor row in rows:\n    n += 1\n    read_prices(share="B" * n)\n    assert n < 2'),
            py('print(n)\nlast = read_prices(share="C")\nfinal_answer([n, last[-1]["close"]])'),
          ]),
        }),
      task: 'Go.',
      engine: memory,
      isSequential: true,
    })
    expect(report.faults).toEqual([])
    expect(report.appends).toBeGreaterThan(15)
  }, 60_000)
})
