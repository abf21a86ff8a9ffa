/** Defects of the reference (smolagents): limits that the guest can lift, and runs that race. */
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { codeAgent, tool, toolAgent } from '../../src/index.ts'
import { scriptedModel } from '../../src/testing/scripted-model.ts'
import { calling, code, lastMessage, waitMs } from '../behaviours/support.ts'

const description = 'Works things out.'
const echo = tool({
  name: 'echo',
  description: 'Says it again.',
  effect: 'read',
  input: z.object({ text: z.string() }),
  run: async ({ text }) => waitMs(text.length).then(() => text),
})

describe('sandbox limits that the guest can lift', () => {
  it.each([
    [
      'the loop cap, by its own globals',
      'for (const key of Object.getOwnPropertyNames(globalThis)) { try { globalThis[key] = undefined } catch {} }\nfor (;;) {}',
      /computing time/,
    ],
    [
      'the loop cap, by prototypes',
      'Function.prototype.call = Function.prototype.apply = () => 0\nObject.prototype.fuel = 1e18\nfor (;;) {}',
      /computing time/,
    ],
    ['the loop cap, by many small steps', 'const go = () => Promise.resolve().then(go)\nawait go()', /computing time/],
    ['the output cap, by a print of its own', 'const print = console.log.bind({})\nfor (;;) print("x".repeat(10_000))', /output|printed/i],
    ['the memory cap, by growing what it has', 'const all = []\nfor (;;) all.push("x".repeat(100_000) + all.length)', /memory/i],
  ])('%s', async (_, program, told) => {
    const model = scriptedModel([code(program), code('finalAnswer("still here")')])
    const agent = codeAgent({ name: 'worker', description, model, limits: { fuel: 500, memoryMb: 64, outputBytes: 100_000 } })
    expect(await agent.run('Go.')).toMatchObject({ status: 'done', output: 'still here' })
    expect(lastMessage(model)).toMatch(told)
  })

  it('the cap on calls, by a tool that the guest kept from an earlier step', async () => {
    const model = scriptedModel([
      code('const kept = echo\nlet made = 0'),
      code('for (let i = 0; i < 20; i++) { await kept({ text: "" }); made++ }'),
      code('finalAnswer(made)'),
    ])
    const agent = codeAgent({ name: 'worker', description, model, tools: [echo], limits: { maxCalls: 5 } })
    const result = await agent.run('Go.')
    expect(result.status).toBe('done')
    expect(Number('output' in result && result.output)).toBeLessThanOrEqual(5)
  })

  it('the world outside', async () => {
    const model = scriptedModel(
      code(`const found = []
for (const name of ['process', 'Deno', 'WebSocket', 'XMLHttpRequest', 'WebAssembly', 'std', 'os', 'Worker']) {
  if (typeof globalThis[name] !== 'undefined') found.push(name)
}
for (const use of [() => require('node:fs'), () => fetch('http://127.0.0.1'), () => setTimeout(() => {}, 1)]) {
  try { await use(); found.push(String(use)) } catch {}
}
try {
  const outer = (() => {}).constructor('return this')()
  if (outer !== globalThis || typeof outer.process !== 'undefined') found.push('Function')
} catch {}
for (const source of ["import('node:fs')", "import('os')"]) {
  try { await eval(source); found.push(source) } catch {}
}
finalAnswer(found)`),
    )
    expect(await codeAgent({ name: 'worker', description, model }).run('Go.')).toMatchObject({ status: 'done', output: [] })
  })
})

describe('two runs of one agent racing', () => {
  it('twenty runs of one code agent at once keep their variables and transcripts apart', async () => {
    const model = scriptedModel([
      code('let mine = await echo({ text: word })'),
      code('mine += "!" + await echo({ text: word })\nconsole.log(mine)'),
      code('finalAnswer(mine)'),
    ])
    const agent = codeAgent({ name: 'worker', description, model, tools: [echo] })
    const words = Array.from({ length: 20 }, (_, i) => `word-${'x'.repeat(i)}`)
    const results = await Promise.all(words.map((word) => agent.run(`Say ${word}.`, { context: { word } })))
    expect(results.map((result) => 'output' in result && result.output)).toEqual(words.map((word) => `${word}!${word}`))
    for (const prompt of model.prompts) expect(new Set(prompt.match(/Say word-x*\./g)).size).toBe(1)
  })

  it('so do runs of one tool agent, and parallel calls of one managed agent', async () => {
    const sub = toolAgent({
      name: 'sub',
      description,
      tools: [echo],
      model: scriptedModel([
        {
          when: (prompt) => prompt.some(({ role }) => role === 'tool'),
          reply: (prompt) => `got ${JSON.stringify(prompt.at(-1)?.content).match(/w\d+/)?.[0] ?? '?'}`,
        },
        { reply: (prompt) => calling(['echo', { text: JSON.stringify(prompt).match(/Say (w\d+)/)?.[1] ?? '?' }]) },
      ]),
    })
    const boss = codeAgent({
      name: 'boss',
      description,
      agents: [sub],
      model: scriptedModel(code('finalAnswer(await Promise.all([1, 2, 3, 4].map((n) => sub({ task: `Say w${n}.` }))))')),
    })
    expect(await boss.run('Go.')).toMatchObject({ output: ['got w1', 'got w2', 'got w3', 'got w4'] })
    const alone = await Promise.all([7, 8, 9].map((n) => sub.run(`Say w${n}.`)))
    expect(alone).toMatchObject([{ output: 'got w7' }, { output: 'got w8' }, { output: 'got w9' }])
  })
})
