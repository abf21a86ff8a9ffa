import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { fakeAction, fakeContext, type FakeOptions } from '../../test/behaviours/fake-context.ts'
import type { CallRecord } from '../engine/context.ts'
import { TreeBudget } from '../engine/budget.ts'
import { tool, type ToolEffect } from '../tools/tool.ts'
import { callTool, logCalls, planCall } from './call-tool.ts'
import { callablesOf } from './callables.ts'
import { codeAgent } from '../index.ts'
import type { Hooks } from './hooks.ts'

const sub = codeAgent({ name: 'sub', description: 'Below.' })

interface Setting extends FakeOptions {
  readonly effect?: ToolEffect
  readonly hooks?: Hooks
  readonly record?: CallRecord
  readonly answerBytes?: number
}

/** Plans and makes one call as an agent would; gives its answer and what was asked of the engine. */
async function called(name: string, args: string, { effect = 'read', hooks = {}, record, answerBytes = 1_000, ...options }: Setting = {}) {
  const ran: unknown[] = []
  const keep = tool({
    name: 'keep',
    description: 'Keeps.',
    effect,
    input: z.object({ n: z.number().default(7) }),
    run: ({ n }, { idempotencyKey }) => {
      ran.push(idempotencyKey)
      if (n < 0) throw new Error('below zero')
      return 'x'.repeat(n)
    },
  })
  const ctx = fakeContext(options)
  const notes = [...ctx.notes]
  const action = fakeAction(notes)
  const site = { agent: 'me', callables: callablesOf('me', [keep], [sub], 'typescript', hooks), ctx, step: 1 }
  const plan = await planCall(site, { call: 1, tool: name, args }, record)
  await logCalls([plan], action, ctx)
  const { answer } = await callTool(plan, { ...site, action, signal: ctx.signal, answerBytes })
  return { answer, ran, notes: [...ctx.notes, ...notes] }
}

const isError = (name: string, message: string) => ({ ok: false, error: { name, message: expect.stringContaining(message) as string } })

describe('callTool', () => {
  it('runs a tool with the defaults of its schema, under the key of the call', async () => {
    const { answer, ran, notes } = await called('keep', '{}')
    expect(answer).toEqual({ ok: true, value: '"xxxxxxx"' })
    expect(ran).toEqual(['run:1.1'])
    expect(notes).toEqual(['started 1', 'dispatch 1'])
  })

  it.each([
    ['an unknown tool', 'keeep', '{}', isError('UnknownToolError', "did you mean 'keep'?")],
    ['arguments of another type', 'keep', '{"n":"x"}', isError('ArgumentsError', 'Signature')],
    ['arguments that are a text', 'keep', '"{n: 1"', isError('ArgumentsError', 'no JSON object: {n: 1')],
    ['arguments that cannot be read', 'keep', '{n: 1', isError('ArgumentsError', 'cannot be read')],
    ['a tool that fails', 'keep', '{"n":-1}', isError('ToolError', 'below zero')],
    ['an agent without a task', 'sub', '{"task":" "}', isError('ArgumentsError', 'task must be a text')],
    ['an agent with a context that is none', 'sub', '{"task":"t","context":[1]}', isError('ArgumentsError', 'context must be an object')],
  ])('answers %s with an error', async (_, name, args, expected) => {
    expect((await called(name, args)).answer).toEqual(expected)
  })

  it('refuses an answer that is too large, counted in bytes', async () => {
    expect((await called('keep', '{"n":990}')).answer.ok).toBe(true)
    expect((await called('keep', '{"n":1001}')).answer).toEqual(isError('ToolOutputError', '1003 bytes'))
  })

  it('asks before an irreversible tool, and counts and logs its start only after the yes', async () => {
    const budget = new TreeBudget({ toolCalls: 1 })
    const { answer, notes } = await called('keep', '{}', { effect: 'irreversible', budget })
    expect(answer.ok).toBe(true)
    expect(notes).toEqual(['wait 1.1.approval approval', 'started 1?', 'started 1', 'dispatch 1'])
    expect(budget.spent.toolCalls).toBe(1)
  })

  it('answers a no with RejectedError and its reason, and an answer given in the call’s place', async () => {
    const no = await called('keep', '{}', { effect: 'irreversible', decision: { decision: 'reject', reason: 'not today' } })
    expect(no.answer).toEqual(isError('RejectedError', 'not today'))
    const given = await called('keep', '{}', { effect: 'irreversible', decision: { decision: 'approve', result: 'by hand' } })
    expect(given.answer).toEqual({ ok: true, value: '"by hand"' })
    expect([...no.ran, ...given.ran]).toEqual([])
  })

  it.each([
    ['write', ['wait 1.1.outcome unknown-outcome']],
    ['irreversible', ['wait 1.1.outcome unknown-outcome']],
    ['read', []],
    ['idempotent', []],
  ] as const)('%s: started before and not known to have ended', async (effect, waits) => {
    const record: CallRecord = { call: 1, tool: 'keep', args: '{}', started: true, repeats: 0, order: null, answer: null }
    const budget = new TreeBudget({ toolCalls: 0 }) // the log has counted it
    const { notes, ran } = await called('keep', '{}', { effect, record, budget })
    expect(notes.filter((note) => note.startsWith('wait'))).toEqual(waits)
    expect(ran).toEqual(['run:1.1'])
  })

  it('hands a task to an agent, and makes an error of every end but done', async () => {
    expect(await called('sub', '{"task":"t"}')).toMatchObject({
      answer: { ok: true, value: '"from below"' },
      notes: ['child 1.1 sub', 'started 1?'],
    })
    const ended = await called('sub', '{"task":"t"}', {
      child: { status: 'limit', output: { half: 1 }, error: { code: 'budget/spent', message: 'the limit', retryable: false } },
    })
    expect(ended.answer).toEqual(isError('AgentError', `ended as 'limit': the limit. Its best answer so far: {"half":1}`))
  })

  it('throws what is for the run: a budget that is spent, before anything is logged', async () => {
    const budget = new TreeBudget({ toolCalls: 0 })
    await expect(called('keep', '{}', { budget })).rejects.toMatchObject({ code: 'budget/spent' })
  })
})

describe('hooks', () => {
  it('are asked once for each call, tools and agents alike, before anything is logged', async () => {
    const seen: string[] = []
    const hooks: Hooks = {
      beforeTool: ({ callId, tool: name }) => void seen.push(`${callId} ${name}`),
      afterTool: () => ({ output: { replaced: true } }),
    }
    const { answer, notes } = await called('keep', '{}', { hooks })
    expect(answer).toEqual({ ok: true, value: '{"replaced":true}' })
    expect(notes).toEqual(['step 1.1.policy', 'emit policy 1.1', 'started 1', 'dispatch 1'])
    await called('sub', '{"task":"t"}', { hooks })
    expect(seen).toEqual(['run:1.1 keep', 'run:1.1 sub'])
  })

  it.each(['keep', 'sub'])('a verdict of ask makes a person decide on %s', async (name) => {
    const hooks: Hooks = { beforeTool: () => ({ decision: 'ask' }) }
    const args = name === 'sub' ? '{"task":"t"}' : '{}'
    const yes = await called(name, args, { hooks })
    expect(yes.notes).toContain('wait 1.1.approval approval')
    expect(yes.answer.ok).toBe(true)
    const no = await called(name, args, { hooks, decision: { decision: 'reject' } })
    expect(no.answer).toEqual(isError('RejectedError', 'was not allowed'))
    expect(no.notes.some((note) => note.startsWith('child') || note.startsWith('dispatch'))).toBe(false)
  })

  it('one that throws or denies lets nothing pass', async () => {
    const denied = await called('keep', '{}', { hooks: { beforeTool: () => ({ decision: 'deny', reason: 'no' }) } })
    expect(denied.answer).toEqual(isError('RejectedError', 'keep was not allowed: no'))
    const thrown = await called('keep', '{}', {
      hooks: {
        beforeTool: () => {
          throw new Error('policy is down')
        },
      },
    })
    expect(thrown.answer).toMatchObject({ ok: false, error: { message: 'policy is down' } })
    expect([...denied.ran, ...thrown.ran]).toEqual([])
  })
})
