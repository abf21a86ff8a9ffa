/** The agents of the fault tests, made anew by every process; all that they do to the world goes to the far end. */
import { z } from 'zod'
import type { AgentRef, RunContext } from '../../src/engine/context.ts'
import type { RunInput } from '../../src/client/entry.ts'
import { codeAgent, queued, tool, toolAgent, type Agent, type AnyTool, type Sandbox, type ToolEffect } from '../../src/index.ts'
import { callMark } from '../../src/models/prompt-text.ts'
import { scriptedModel, type ScriptedModel } from '../../src/testing/scripted-model.ts'
import type { JsonValue } from '../../src/util/json.ts'

const description = 'Works things out.'

/** Does something to the far end, which counts it. */
async function reach(url: string, name: string, key: string): Promise<void> {
  const response = await fetch(`${url}/do/${encodeURIComponent(name)}`, { method: 'POST', headers: { 'idempotency-key': key } })
  if (!response.ok) throw new Error(`the far end said ${response.status}`)
}

/** A tool that does something outside and gives ten times its number. */
function counted(url: string, name: string, effect: ToolEffect): AnyTool {
  return tool({
    name,
    description: 'A number from a number.',
    effect,
    input: z.object({ n: z.number(), ms: z.number().default(0) }),
    output: z.number(),
    run: async ({ n, ms }, { idempotencyKey }) => {
      if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms))
      await reach(url, `${name} ${n}`, idempotencyKey)
      return n * 10
    },
  })
}

type Script = Parameters<typeof scriptedModel>[0]

/** A scripted model whose every answer is counted outside, under the place in the run that asks. */
function countedModel(url: string, script: Script): ScriptedModel {
  const model = scriptedModel(script)
  const note = async (call: Parameters<ScriptedModel['doGenerate']>[0]): Promise<void> => {
    const { run = '', step = '' } = callMark(call)
    await reach(url, 'model', `model ${run}/${step}`)
  }
  return {
    ...model,
    doGenerate: async (call) => {
      await note(call)
      return model.doGenerate(call)
    },
    doStream: async (call) => {
      await note(call)
      return model.doStream(call)
    },
  }
}

function ts(code: string): string {
  return '```ts\n' + code.trim() + '\n```'
}

/** Calls one after another and at once, a race, loops that branch on results, approvals, a hook, plans, agents of both kinds. */
function desk(url: string): Agent {
  const tools = [counted(url, 'read', 'read'), counted(url, 'write', 'write'), counted(url, 'pay', 'irreversible')]
  const helper = codeAgent({
    name: 'helper',
    description,
    tools: [counted(url, 'read', 'read')],
    model: countedModel(url, [
      ts('const x = await read({ n: k })\nconsole.log("helper", x)'),
      ts('finalAnswer(x + (await read({ n: k + 1 })))'),
    ]),
  })
  const clerk = toolAgent({
    name: 'clerk',
    description,
    tools,
    model: countedModel(url, [
      { toolCalls: [31, 32].map((n) => ({ name: 'read', arguments: { n } })) },
      { toolCalls: [{ name: 'pay', arguments: { n: 33 } }] },
      'filed',
    ]),
  })
  return codeAgent({
    name: 'desk',
    description,
    tools,
    agents: [helper, clerk],
    planEvery: 3,
    hooks: { beforeTool: ({ args }) => ({ decision: (args as { n?: number }).n === 4 ? 'deny' : 'allow', rule: 'not four' }) },
    model: countedModel(url, [
      'Plan: all of it.',
      ts(
        'const first = await write({ n: 1 })\nlet sum = first\nfor (let n = 2; sum < 100; n++) { if (n === 4) { try { await read({ n }) } catch { sum += 1 } } else sum += await read({ n }) }\nconsole.log("sum", sum)',
      ),
      ts(
        'const all = await Promise.all([7, 8, 9].map((n) => read({ n, ms: (10 - n) * 5 })))\nconst quick = await Promise.race([read({ n: 11, ms: 250 }), read({ n: 12 })])\nconst after = quick === 120 ? await read({ n: 13 }) : await write({ n: 14 })',
      ),
      ts(
        'const paid = await pay({ n: 15 })\nconst helped = await Promise.all([21, 25].map((k) => helper({ task: "help", context: { k } })))',
      ),
      'Plan: the last bit.',
      ts('const filed = await clerk({ task: "file" })\nfinalAnswer({ sum, all, quick, after, paid, helped, filed })'),
    ]),
  })
}

/** What agents of code do not write: steps of their own, states, notes, a time to wait for, a signal. */
function plain(url: string): AgentRef<JsonValue> {
  return agentOf('plain', async (ctx) => {
    const begun = await ctx.step('begun', async ({ idempotencyKey }) => {
      await reach(url, 'begun', idempotencyKey)
      return Date.now()
    })
    await ctx.emit('1', 'state', { from: 'new', to: 'asleep', why: 'it is early' })
    await ctx.emit('1', 'task-assigned', { task: 't', owner: 'o', attempt: 1 })
    await ctx.emit('1', 'task-rejected', { task: 't', owner: 'o', reasons: ['too early'] })
    await ctx.wait('sleep', { until: begun + 300 })
    await ctx.emit('1', 'task-done', { task: 't', owner: 'o' })
    await ctx.emit('1', 'log', { level: 'info', message: 'awake' })
    const word = await ctx.wait('word', { topic: 'word' })
    await ctx.step('told', async ({ idempotencyKey }) => reach(url, 'told', idempotencyKey).then(() => null))
    return word
  })
}

function agentOf(name: string, activate: (ctx: RunContext, input: RunInput) => Promise<JsonValue>): AgentRef<JsonValue> {
  return { name, version: '1', activate: async (input, ctx) => ({ status: 'done', output: await activate(ctx, input) }) }
}

/** Six calls in one program, in either language, one after another or all at once. */
function six(url: string, language: 'typescript' | 'python', isParallel: boolean, sandbox: Sandbox | undefined): Agent {
  const code = {
    typescript: isParallel
      ? ts(
          'const all = await Promise.all([1, 2, 3, 4, 5, 6].map((n) => read({ n, ms: n * 40 })))\nfinalAnswer(all.reduce((a, b) => a + b, 0))',
        )
      : ts('let sum = 0\nfor (let n = 1; n <= 6; n++) sum += await read({ n })\nfinalAnswer(sum)'),
    python: isParallel
      ? '```python\nimport asyncio\nparts = await asyncio.gather(*[read(n=n, ms=n * 40) for n in range(1, 7)])\nfinal_answer(sum(parts))\n```'
      : '```python\ntotal = 0\nfor n in range(1, 7):\n    total += read(n=n)\nfinal_answer(total)\n```',
  }
  return codeAgent({
    name: 'six',
    description,
    language,
    tools: [counted(url, 'read', 'idempotent')],
    model: countedModel(url, code[language]),
    ...(sandbox && { sandbox }),
  })
}

/** Three steps that the far end can hold; the task is a part of their names. */
function errand(url: string): AgentRef<JsonValue> {
  return agentOf('errand', async (ctx, { task }) => {
    for (const part of ['a', 'b', 'c']) {
      await ctx.step(part, async ({ idempotencyKey }) => reach(url, part, idempotencyKey).then(() => null))
    }
    return task
  })
}

/** Asks a person, or waits for a time, then does something. */
function waiter(url: string): AgentRef<JsonValue> {
  return agentOf('waiter', async (ctx, { task }) => {
    await ctx.step('before', async ({ idempotencyKey }) => reach(url, 'before', idempotencyKey).then(() => null))
    const begun = await ctx.step('begun', async () => Date.now())
    if (task === 'approval') await ctx.wait('ask', { approval: { reason: 'approval', question: 'May it?' } })
    else await ctx.wait('sleep', { until: begun + Number(task) })
    const late = await ctx.step('late', async () => Date.now() - begun)
    await ctx.step('after', async ({ idempotencyKey }) => reach(url, 'after', idempotencyKey).then(() => null))
    return late
  })
}

/** Kills its process whenever it runs. */
function poison(url: string): AgentRef<JsonValue> {
  return agentOf('poison', async (ctx) =>
    ctx.step('die', async ({ idempotencyKey }) => {
      await reach(url, 'die', idempotencyKey)
      process.kill(process.pid, 'SIGKILL')
      return new Promise<never>(() => {})
    }),
  )
}

/** Three levels, each called agent with a place in the queue of its own. */
function levels(url: string): Agent {
  const leaf = codeAgent({
    name: 'leaf',
    description,
    tools: [counted(url, 'read', 'read')],
    model: countedModel(url, ts('finalAnswer(await read({ n: k }))')),
  })
  const middle = codeAgent({
    name: 'middle',
    description,
    agents: [queued(leaf)],
    model: countedModel(
      url,
      ts('const both = await Promise.all([k, k + 1].map((n) => leaf({ task: "leaf", context: { k: n } })))\nfinalAnswer(both)'),
    ),
  })
  return codeAgent({
    name: 'levels',
    description,
    agents: [queued(middle)],
    model: countedModel(url, ts('finalAnswer(await Promise.all([1, 3].map((k) => middle({ task: "middle", context: { k } }))))')),
  })
}

export interface CastOptions {
  readonly language?: 'typescript' | 'python'
  readonly isParallel?: boolean
  /** For the agent `six`; the others take the default of their language. */
  readonly sandbox?: Sandbox
}

/** Everybody, by name. */
export function castOf(
  url: string,
  { language = 'typescript', isParallel = false, sandbox }: CastOptions = {},
): Readonly<Record<string, AgentRef>> {
  const all: readonly AgentRef[] = [
    desk(url),
    plain(url),
    six(url, language, isParallel, sandbox),
    errand(url),
    waiter(url),
    poison(url),
    levels(url),
  ]
  return Object.fromEntries(all.map((agent) => [agent.name, agent]))
}
