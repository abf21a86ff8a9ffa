import type { LanguageModelV4CallOptions, LanguageModelV4Prompt } from '@ai-sdk/provider'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { codeAgent, image, imageSchema, openRuntime, tool, toolAgent, type Image, type Sandbox } from '../../src/index.ts'
import { bubblewrap } from '../../src/sandbox/bubblewrap/bubblewrap.ts'
import { memory } from '../../src/engine/memory/memory.ts'
import { streamOf, usageV4 } from '../../src/models/answer-stream.ts'
import { messageText } from '../../src/models/prompt-text.ts'
import { crashEverywhere } from '../../src/testing/crash-runner.ts'
import { scriptedModel, type ScriptedModel } from '../../src/testing/scripted-model.ts'
import { itNeeds, noBubblewrap, ROOTFS } from '../services.ts'
import { calling, code, lastMessage } from './support.ts'

const description = 'Draws and looks.'
const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
/** Bytes that begin as a PNG does; models are scripted here, so nobody decodes the rest. */
const png = (seed: number, size: number = 3_000): Uint8Array =>
  Uint8Array.from({ length: size }, (_, i) => SIGNATURE[i] ?? (seed * 31 + i * i) % 251)
const base64 = (seed: number, size?: number): string => Buffer.from(png(seed, size)).toString('base64')

const draw = tool({
  name: 'draw',
  description: 'Draws a chart.',
  effect: 'read',
  input: z.object({ n: z.number(), size: z.number().optional() }),
  output: z.object({ title: z.string(), chart: z.object({ type: z.literal('image'), mediaType: z.string(), data: z.string() }) }),
  run: ({ n, size }) => ({ title: `chart ${n}`, chart: image(png(n, size), 'image/png') }),
})
const photo = tool({
  name: 'photo',
  description: 'Takes a picture.',
  effect: 'read',
  input: z.object({}),
  output: imageSchema,
  run: () => image(base64(9), 'image/png'),
})

/** The base64 of all images in a prompt's messages, with the role of the message that has each. */
function imagesOf(prompt: LanguageModelV4Prompt): readonly string[] {
  return prompt.flatMap((message) => {
    if (message.role === 'system') return []
    return message.content.flatMap((part) => {
      const files = part.type === 'tool-result' ? (part.output.type === 'content' ? part.output.value : []) : [part]
      return files.flatMap((file) =>
        file.type === 'file' && file.data.type === 'data' ? [`${message.role} ${String(file.data.data)}`] : [],
      )
    })
  })
}

const shownIn = (model: ScriptedModel, call: number): readonly string[] => imagesOf(model.calls[call]?.prompt ?? [])
/** Any of its first bytes would do: no text of a prompt may have them. */
const hasBytes = (prompt: LanguageModelV4Prompt): boolean => prompt.some((message) => messageText(message).includes('iVBORw0KGg'))

describe('images that tools give to a tool agent', () => {
  it('are parts of the tool results, each named in the text beside it', async () => {
    const model = scriptedModel([calling(['draw', { n: 1 }], ['photo', {}], ['draw', { n: 1 }]), 'Rising.'])
    const run = await toolAgent({ name: 'looker', description, model, tools: [draw, photo] }).run('What is in it?')
    expect(run).toMatchObject({ status: 'done', output: 'Rising.' })
    const message = model.calls[1]?.prompt.at(-1)
    expect(message).toMatchObject({
      role: 'tool',
      content: [
        {
          output: {
            type: 'content',
            value: [
              { type: 'text', text: '{"title":"chart 1","chart":"[image 1: image/png, 3 KiB]"}' },
              { type: 'file', mediaType: 'image/png', data: { type: 'data', data: base64(1) } },
            ],
          },
        },
        { output: { type: 'content', value: [{ text: '[image 2: image/png, 3 KiB]' }, { data: { data: base64(9) } }] } },
        { output: { type: 'text', value: '{"title":"chart 1","chart":"[image 1: image/png, 3 KiB]"}' } },
      ],
    })
    expect(hasBytes(model.calls[1]?.prompt ?? [])).toBe(false)
  })

  it('stay for two steps; then their names do', async () => {
    const model = scriptedModel([1, 2, 3, 4].map((n) => calling(['draw', { n }])).concat({ content: 'Seen.' }))
    expect(await toolAgent({ name: 'looker', description, model, tools: [draw] }).run('Look.')).toMatchObject({ output: 'Seen.' })
    expect([1, 2, 3, 4].map((call) => shownIn(model, call))).toEqual([
      [`tool ${base64(1)}`],
      [`tool ${base64(1)}`, `tool ${base64(2)}`],
      [`tool ${base64(2)}`, `tool ${base64(3)}`],
      [`tool ${base64(3)}`, `tool ${base64(4)}`],
    ])
    const tools = model.calls[4]?.prompt.filter(({ role }) => role === 'tool') ?? []
    expect(tools.map((message) => /\[image 1: image\/png, 3 KiB\]/.test(messageText(message)))).toEqual([true, true, true, true])
  })

  it('are eight a step; the others are only named', async () => {
    const model = scriptedModel([calling(...Array.from({ length: 10 }, (_, n) => ['draw', { n }] as const)), 'Many.'])
    await toolAgent({ name: 'looker', description, model, tools: [draw] }).run('Look.')
    expect(shownIn(model, 1)).toHaveLength(8)
    expect(lastMessage(model)).toContain('[image: image/png, 3 KiB, not shown: a step shows 8 at most]')
  })

  it('come as text and images of one message for a model that writes its calls as text', async () => {
    const model = scriptedModel(['{"name":"draw","arguments":{"n":5}}', 'Flat.'])
    await toolAgent({ name: 'looker', description, model, tools: [draw] }).run('Look.')
    expect(shownIn(model, 1)).toEqual([`user ${base64(5)}`])
  })
})

describe('images that a model makes', () => {
  const painter = (...texts: readonly (string | undefined)[]): ScriptedModel => {
    const calls: LanguageModelV4CallOptions[] = []
    const generate = (call: LanguageModelV4CallOptions) => {
      calls.push(call)
      const text = texts[calls.length - 1]
      return {
        content: [
          ...(text === undefined ? [] : [{ type: 'text' as const, text }]),
          ...(text?.startsWith('{')
            ? []
            : [{ type: 'file' as const, mediaType: 'image/png', data: { type: 'data' as const, data: png(7) } }]),
        ],
        finishReason: { unified: 'stop' as const, raw: undefined },
        usage: usageV4(1, 1),
        warnings: [],
      }
    }
    return {
      specificationVersion: 'v4',
      provider: 'test.painter',
      modelId: 'painter',
      supportedUrls: {},
      calls,
      prompts: [],
      doGenerate: async (call) => generate(call),
      doStream: async (call) => ({ stream: streamOf(generate(call)) }),
    }
  }
  const made: Image = { type: 'image', mediaType: 'image/png', data: base64(7) }

  it('are the answer where there are no words', async () => {
    expect(await toolAgent({ name: 'painter', description, model: painter() }).run('Paint.')).toMatchObject({
      status: 'done',
      output: made,
    })
  })

  it('are the answer beside words where the output asks for an image', async () => {
    const agent = toolAgent({ name: 'painter', description, model: painter('Here it is.'), output: imageSchema })
    const result = await agent.run('Paint.')
    expect(result.status === 'done' && (result.output satisfies Image)).toEqual(made)
  })

  it('reach the agent that asked for them: a tool agent sees them, code has them', async () => {
    const agents = [toolAgent({ name: 'painter', description, model: painter(undefined, undefined), output: imageSchema })]
    const model = scriptedModel([calling(['painter', { task: 'Paint.' }]), 'Fine.'])
    expect(await toolAgent({ name: 'asker', description, model, agents }).run('Go.')).toMatchObject({ output: 'Fine.' })
    expect(shownIn(model, 1)).toEqual([`tool ${base64(7)}`])
    const coder = scriptedModel([code('const one = await painter({ task: "Paint." }); one'), code('finalAnswer(one)')])
    expect(await codeAgent({ name: 'asker', description, model: coder, agents }).run('Go.')).toMatchObject({ output: made })
    expect(shownIn(coder, 1)).toEqual([`user ${base64(7)}`])
  })

  it('are shown to the model again as its own, also in a session', async () => {
    await using runtime = await openRuntime({ engine: memory() })
    const model = painter('A cat.', 'A dog.')
    const agent = toolAgent({ name: 'painter', description, model })
    expect(await runtime.run(agent, 'Paint.', { session: 's' })).toMatchObject({ output: 'A cat.' })
    await runtime.run(agent, 'Another.', { session: 's' })
    expect(imagesOf(model.calls[1]?.prompt ?? [])).toEqual([`assistant ${base64(7)}`])
  })
})

const python = (text: string): string => `\`\`\`python\n${text}\n\`\`\``
const LANGUAGES = [
  {
    language: 'typescript' as const,
    print: code('const a = await draw({ n: 1 }); const b = await draw({ n: 2 }); console.log("see", b.chart)'),
    last: code('a'),
    both: code('console.log([a.chart, a.chart], b); b.chart'),
    large: code('const big = await draw({ n: 3, size: 400000 }); console.log(big.chart); console.log(big)'),
    end: code('finalAnswer({ chart: a.chart })'),
  },
  {
    language: 'python' as const,
    print: python('a = draw(n=1)\nb = draw(n=2)\nprint("see", b["chart"])'),
    last: python('a'),
    both: python('print([a["chart"], a["chart"]], b)\nb["chart"]'),
    large: python('big = draw(n=3, size=400000)\nprint(big["chart"])\nprint(big)'),
    end: python('final_answer({"chart": a["chart"]})'),
  },
]

describe.each(LANGUAGES)('images in the code of a $language agent', ({ language, print, last, both, large, end }) => {
  const output = z.object({ chart: z.object({ type: z.literal('image'), mediaType: z.string(), data: z.string() }) })
  const agentOf = (model: ScriptedModel, sandbox?: Sandbox) =>
    codeAgent({ name: 'coder', description, language, model, tools: [draw, photo], output, ...(sandbox && { sandbox }) })
  const made =
    language === 'python'
      ? python(`made = {"data": a["chart"]["data"], "type": "image", "mediaType": "image/png"}\nmade`)
      : code('({ ...a.chart, alt: "a" })')
  const looks = async (sandbox?: Sandbox): Promise<void> => {
    const model = scriptedModel([print, last, both, large, end])
    const result = await agentOf(model, sandbox).run('Look.')
    expect(result).toMatchObject({ status: 'done', output: { chart: image(png(1), 'image/png') } })
    const observed = (call: number): string => messageText(model.calls[call]?.prompt.at(-1) ?? { role: 'system', content: '' })
    expect(observed(1)).toContain('see [image 1: image/png, 3 KiB]')
    expect(observed(2)).toContain('[image 1: image/png, 3 KiB]')
    expect(observed(3)).toMatch(/\[\[image 1: image\/png, 3 KiB\], \[image 1: image\/png, 3 KiB\]\].*\[image 2: image\/png, 3 KiB\]/)
    expect(observed(4)).toContain('[image 1: image/png, 391 KiB]')
    expect([1, 2, 3, 4].map((call) => shownIn(model, call).map((one) => one.slice(0, 5_000)))).toEqual(
      [[2], [2, 1], [1, 1, 2], [1, 2, 3]].map((seeds) => seeds.map((n) => `user ${base64(n, n === 3 ? 400_000 : 3_000)}`.slice(0, 5_000))),
    )
    for (const { prompt } of model.calls) expect(hasBytes(prompt)).toBe(false)
  }

  it('are seen when they are printed or the last value, of earlier steps too, and can be the answer', () => looks())
  itNeeds(noBubblewrap)('are seen from bubblewrap too', async () => {
    await using sandbox = bubblewrap({ rootfs: ROOTFS, warm: 0 })
    await looks(sandbox)
    const model = scriptedModel([print, made, end])
    expect(await agentOf(model, sandbox).run('Look.')).toMatchObject({ status: 'done' })
    expect(shownIn(model, 2)).toEqual([`user ${base64(2)}`, `user ${base64(1)}`])
    expect(lastMessage(model)).toContain('Last value:\n[image 1: image/png, 3 KiB]')
  })

  it('are seen in the next run of a session, and one that the code has made itself as a last value', async () => {
    await using runtime = await openRuntime({ engine: memory() })
    const again = language === 'python' ? python('print(b["chart"])') : code('console.log(b.chart)')
    const model = scriptedModel([{ when: /Once more/, reply: [again, again, again, made, end] }, { reply: [print, end] }])
    const agent = agentOf(model)
    expect(await runtime.run(agent, 'Look.', { session: 's' })).toMatchObject({ status: 'done' })
    expect(await runtime.run(agent, 'Once more.', { session: 's' })).toMatchObject({ status: 'done' })
    const [later, last] = [model.calls.at(-2), model.calls.at(-1)].map((call) => imagesOf(call?.prompt ?? []))
    expect(later).toEqual([`user ${base64(2)}`])
    expect(last).toEqual([`user ${base64(2)}`, `user ${base64(1)}`])
  })

  it('are the same after a crash at any moment', async () => {
    const prompts = new Set<string>()
    const agent = () => {
      const model = scriptedModel([print, both, end])
      return agentOf({
        ...model,
        doGenerate: (call) => {
          prompts.add(JSON.stringify(call.prompt))
          return model.doGenerate(call)
        },
      })
    }
    const report = await crashEverywhere({ agent, task: 'Look.', engine: memory, isSequential: true })
    expect(report.faults).toEqual([])
    expect(report.end).toContain(base64(1))
    expect(prompts.size).toBe(3)
  })
})

describe('what is no image', () => {
  const bad = (value: unknown) =>
    tool({
      name: 'broken',
      description: 'Gives it.',
      effect: 'read',
      input: z.object({}),
      run: () => (typeof value === 'function' ? value() : value),
    })

  it.each([
    ['another media type', { type: 'image', mediaType: 'image/svg+xml', data: 'PHN2Zz4=' }, 'image/svg+xml'],
    ['no base64', { here: [{ type: 'image', mediaType: 'image/png', data: 'iVBORw0KGgo, not quite' }] }, 'not base64'],
    ['another type than it says', { type: 'image', mediaType: 'image/jpeg', data: base64(1) }, 'no image/jpeg'],
    ['bytes of 20 MB', () => image(new Uint8Array(20_000_000), 'image/png'), '19.1 MiB'],
    ['base64 of 20 MB', () => image('A'.repeat(26_666_668), 'image/png'), '19.1 MiB'],
    ['20 MB by hand', () => ({ type: 'image', mediaType: 'image/png', data: 'A'.repeat(26_666_668) }), 'larger than the 1048576'],
    ['what is neither text nor bytes', () => image(5 as never, 'image/png'), 'neither bytes'],
  ])('%s: the tool is told to be at fault, and the run goes on', async (_what, value, says) => {
    const model = scriptedModel([calling(['broken', {}]), 'Then not.'])
    const run = await toolAgent({ name: 'looker', description, model, tools: [bad(value)] }).run('Look.')
    expect(run).toMatchObject({ status: 'done', output: 'Then not.' })
    expect(lastMessage(model)).toContain('ToolOutputError: broken')
    expect(lastMessage(model)).toContain(says)
    expect(lastMessage(model).length).toBeLessThan(500)
    expect(shownIn(model, 1)).toEqual([])
  })

  it('an object that only has the name is data like any other', async () => {
    const model = scriptedModel([calling(['broken', {}]), 'Fine.'])
    await toolAgent({ name: 'looker', description, model, tools: [bad({ type: 'image', url: 'https://example.org/cat.png' })] }).run(
      'Look.',
    )
    expect(lastMessage(model)).toContain('{"type":"image","url":"https://example.org/cat.png"}')
  })
})
