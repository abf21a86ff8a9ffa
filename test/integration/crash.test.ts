import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { codeAgent, tool, toolAgent, type Agent, type RunOptions, type ToolEffect } from '../../src/index.ts'
import type { EngineAdapter } from '../../src/engine/engine.ts'
import { memory } from '../../src/engine/memory/memory.ts'
import { sqlite } from '../../src/engine/sqlite/sqlite.ts'
import { crashEverywhere } from '../../src/testing/crash-runner.ts'
import { scriptedModel } from '../../src/testing/scripted-model.ts'
import { onlyWhenAllAsked } from '../services.ts'

const description = 'Works things out.'

function code(text: string): string {
  return '```ts\n' + text.trim() + '\n```'
}

/** Gives a function of its arguments alone, after some time, so that a repeated call gives the same. */
function numbered(name: string, effect: ToolEffect = 'read') {
  return tool({
    name,
    description: 'A number from a number.',
    effect,
    input: z.object({ n: z.number(), ms: z.number().default(0) }),
    output: z.number(),
    run: async ({ n, ms }) => {
      if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms))
      if (n < 0) throw new Error(`no number below zero: ${n}`)
      return n * 10
    },
  })
}

interface Case {
  readonly agent: () => Agent
  readonly isSequential?: boolean
  readonly options?: RunOptions
  readonly end: unknown
  readonly status?: string
}

function coder(...answers: readonly string[]): () => Agent {
  return () =>
    codeAgent({
      name: 'coder',
      description,
      tools: [numbered('read'), numbered('write', 'write'), numbered('pay', 'irreversible')],
      model: scriptedModel(answers.map(code)),
    })
}

function helper(name: string, ...answers: readonly string[]): Agent {
  return codeAgent({ name, description, tools: [numbered('read')], model: scriptedModel(answers.map(code)) })
}

const CASES: Readonly<Record<string, Case>> = {
  'sequential calls': {
    agent: coder(
      'const a = await read({ n: 1 })\nconst b = await read({ n: a })',
      'const c = await read({ n: b })\nfinalAnswer([a, b, c])',
    ),
    isSequential: true,
    end: [10, 100, 1000],
  },
  'parallel calls': {
    agent: coder('const all = await Promise.all([3, 1, 2].map((n) => read({ n, ms: n * 4 })))\nconsole.log(all)', 'finalAnswer(all)'),
    end: [30, 10, 20],
  },
  'a race, then a call that depends on who won': {
    agent: coder('const first = await Promise.race([read({ n: 1, ms: 40 }), read({ n: 2 })])\nfinalAnswer(await read({ n: first }))'),
    end: 200,
  },
  'a branch on results': {
    agent: coder(
      'const a = await read({ n: 1 })\nif (a > 5) { console.log("big"); await write({ n: a }) } else await read({ n: 7 })',
      'finalAnswer(a)',
    ),
    end: 10,
  },
  'calls that throw, chance and time': {
    agent: coder(
      `const before = [Math.random(), Date.now(), globalThis.crypto?.randomUUID?.()]
const settled = await Promise.allSettled([read({ n: -1 }), read({ n: 2 }), read({ m: 3 })])
const pick = before[0] < 0.5 ? 4 : 5
console.log(JSON.stringify(before), await read({ n: pick }))
try { await read({ n: -2 }) } catch (error) { console.log(error.message) }`,
      'finalAnswer(settled.map((each) => each.value ?? each.reason.name).concat(Date.now() >= before[1]))',
    ),
    end: ['ToolError', 20, 'ArgumentsError', true],
  },
  'classes and variables of an earlier step': {
    agent: coder(
      'class Sum { #all: number[] = []; async add(n: number) { this.#all.push(await read({ n })); return this }; get total() { return this.#all.reduce((a, b) => a + b, 0) } }\nlet sum = new Sum()\nawait sum.add(1)',
      'await sum.add(2)\nlet last = sum.total',
      'finalAnswer(last + (await sum.add(3)).total)',
    ),
    isSequential: true,
    end: 90,
  },
  'an error in code, then another way': {
    agent: coder('const a = await read({ n: 1 })\nthrow new Error("oh")', 'finalAnswer(a + await read({ n: 2 }))'),
    isSequential: true,
    end: 30,
  },
  'an approval before an irreversible call': {
    agent: coder(
      'const a = await read({ n: 1 })\nconst paid = await pay({ n: a })\nconst b = await read({ n: paid })',
      'finalAnswer([a, paid, b])',
    ),
    isSequential: true,
    end: [10, 100, 1000],
  },
  'approvals beside other calls': {
    agent: coder('finalAnswer(await Promise.all([pay({ n: 1 }), read({ n: 2, ms: 5 }), pay({ n: 3 })]))'),
    end: [10, 20, 30],
  },
  'a call whose outcome may be unknown': {
    agent: coder('const a = await write({ n: 1 })\nconst b = await write({ n: a })\nfinalAnswer([a, b])'),
    isSequential: true,
    end: [10, 100],
  },
  'managed agents, one after another and at once': {
    agent: () =>
      codeAgent({
        name: 'boss',
        description,
        agents: [helper('one', 'const x = await read({ n: 1 })', 'finalAnswer(x)'), helper('two', 'finalAnswer(await read({ n: k }))')],
        model: scriptedModel([
          code('const a = await one({ task: "x" })'),
          code('const b = await Promise.all([1, 2, 3].map((k) => two({ task: "y", context: { k } })))\nfinalAnswer([a, ...b])'),
        ]),
      }),
    end: [10, 10, 20, 30],
  },
  'managed agents three levels deep': {
    agent: () => {
      const leaf = helper('leaf', 'finalAnswer(await read({ n: 4 }))')
      const middle = toolAgent({
        name: 'middle',
        description,
        agents: [leaf],
        model: scriptedModel([{ toolCalls: [{ name: 'leaf', arguments: { task: 't' } }] }, 'it is 40']),
      })
      return codeAgent({
        name: 'top',
        description,
        agents: [middle],
        model: scriptedModel(code('finalAnswer(await middle({ task: "t" }))')),
      })
    },
    isSequential: true,
    end: 'it is 40',
  },
  'an approval in a managed agent': {
    agent: () => {
      const payer = codeAgent({
        name: 'payer',
        description,
        tools: [numbered('pay', 'irreversible')],
        model: scriptedModel(code('finalAnswer(await pay({ n: 2 }))')),
      })
      return codeAgent({
        name: 'boss',
        description,
        agents: [payer],
        model: scriptedModel(code('finalAnswer(await payer({ task: "t" }))')),
      })
    },
    isSequential: true,
    end: 20,
  },
  'a tool agent with parallel calls': {
    agent: () =>
      toolAgent({
        name: 'caller',
        description,
        tools: [numbered('read'), numbered('write', 'write'), numbered('pay', 'irreversible')],
        model: scriptedModel([
          { toolCalls: [3, 1, 2].map((n) => ({ name: 'read', arguments: { n, ms: n * 4 } })) },
          {
            toolCalls: [
              { name: 'write', arguments: { n: 1 } },
              { name: 'pay', arguments: { n: 2 } },
              { name: 'read', arguments: { n: -1 } },
            ],
          },
          'all done',
        ]),
      }),
    end: 'all done',
  },
  'plans and checks': {
    agent: () =>
      codeAgent({
        name: 'planner',
        description,
        tools: [numbered('read')],
        planEvery: 2,
        checks: [(answer) => Number(answer) > 50 || 'too small'],
        model: scriptedModel([
          'Plan: read twice.',
          code('const a = await read({ n: 1 })'),
          code('finalAnswer(a)'),
          'Plan: read once more.',
          code('finalAnswer(await read({ n: a }))'),
        ]),
      }),
    isSequential: true,
    end: 100,
  },
  'hooks that allow, deny and ask': {
    agent: () =>
      codeAgent({
        name: 'hooked',
        description,
        tools: [numbered('read')],
        hooks: {
          beforeTool: ({ args }) => {
            const { n } = args as { n: number }
            return n === 2 ? { decision: 'deny', reason: 'not two' } : { decision: n === 3 ? 'ask' : 'allow' }
          },
          afterTool: (_, output) => ({ output: Number(output) + 1 }),
        },
        model: scriptedModel(
          code(
            'const all = []\nfor (const n of [1, 2, 3]) { try { all.push(await read({ n })) } catch (error) { all.push(error.name) } }\nfinalAnswer(all)',
          ),
        ),
      }),
    isSequential: true,
    end: [11, 'RejectedError', 31],
  },
  'a budget of tool calls, spent in the middle of code': {
    agent: coder(
      'const a = await read({ n: 1 })\ntry { await read({ m: 1 }) } catch {}',
      'const b = await read({ n: 2 })\nawait read({ n: 3 })',
    ),
    options: { budget: { toolCalls: 3 } },
    isSequential: true,
    status: 'limit',
    end: null,
  },
  'a limit of steps with a last attempt': {
    agent: () =>
      codeAgent({
        name: 'endless',
        description,
        tools: [numbered('read')],
        maxSteps: 2,
        model: scriptedModel([{ when: /You have to stop/, reply: 'so far: 10' }, { reply: code('console.log(await read({ n: 1 }))') }]),
      }),
    isSequential: true,
    status: 'limit',
    end: 'so far: 10',
  },
}

/** Each trial opens its store anew, so SQLite runs those cases whose logs have all that a log can have. */
const ON_SQLITE: readonly string[] = [
  'an approval before an irreversible call',
  'an approval in a managed agent',
  'a tool agent with parallel calls',
]

function suite(engineName: string, names: readonly string[], engineOf: () => Promise<() => EngineAdapter>): void {
  describe(`stopped after each append and resumed on ${engineName}`, () => {
    if (engineName === 'sqlite') beforeEach(onlyWhenAllAsked)
    test.each(names)('%s', { timeout: 120_000 }, async (name) => {
      const { agent, isSequential = false, options = {}, end, status = 'done' } = CASES[name] ?? fail(`no case '${name}'`)
      const report = await crashEverywhere({ agent, task: 'Go.', engine: await engineOf(), isSequential, options })
      expect(report.faults).toEqual([])
      expect(JSON.parse(report.end)).toEqual({ status, output: end })
      expect(report.appends).toBeGreaterThan(5)
    })
  })
}

function fail(message: string): never {
  throw new RangeError(message)
}

suite('memory', Object.keys(CASES), async () => memory)
suite('sqlite', ON_SQLITE, async () => {
  const dir = await mkdtemp(join(tmpdir(), 'troupe-crash-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  let n = 0
  return () => sqlite({ path: join(dir, `${n++}.db`) })
})
