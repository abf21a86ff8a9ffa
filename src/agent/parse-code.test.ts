import { describe, expect, it } from 'vitest'
import { parseCode } from './parse-code.ts'

const fence = (code: string, tag = 'ts'): string => `\`\`\`${tag}\n${code}\n\`\`\``

describe('parseCode', () => {
  it('joins several fenced blocks by a blank line and leaves the words out', () => {
    expect(parseCode(`First.\n${fence('const a = 1')}\nThen.\n${fence('finalAnswer(a)', 'javascript')}\nDone.`, 'typescript')).toEqual({
      ok: true,
      code: 'const a = 1\n\nfinalAnswer(a)',
    })
  })

  it.each([
    ['<code> tags', 'I look.\n<code>\nfinalAnswer(1)\n</code>', 'finalAnswer(1)'],
    ['a fence that was never closed', 'Here:\n```ts\nfinalAnswer(1)', 'finalAnswer(1)'],
    ['a tag that was never closed', '<code>finalAnswer(1)', 'finalAnswer(1)'],
    ['bare code', 'const a = await price({ item: "x" })\nfinalAnswer(a)', 'const a = await price({ item: "x" })\nfinalAnswer(a)'],
    ['a longer fence around backticks', '````ts\nconst md = "```"\n````', 'const md = "```"'],
    ['tildes', '~~~ts\nfinalAnswer(1)\n~~~', 'finalAnswer(1)'],
    ['an untagged fence', '```\nfinalAnswer(1)\n```', 'finalAnswer(1)'],
    ['Windows line ends', '```ts\r\nfinalAnswer(1)\r\n```\r\n', 'finalAnswer(1)'],
  ])('reads %s', (_, text, code) => {
    expect(parseCode(text, 'typescript')).toEqual({ ok: true, code })
  })

  it.each([
    ['nothing', '', 'empty'],
    ['prose', 'I think the answer is 42.', 'no code'],
    ['prose with a call in it', 'I would call finalAnswer(42) now.\nThat should be right.', 'no code'],
    ['one word', 'Done', 'no code'],
    ['the wrong language', fence('print(1)', 'python'), "'python'"],
    ['only an empty block', fence(''), 'no code'],
    ['too much', fence(`const a = "${'x'.repeat(200_001)}"`), '200000'],
  ])('tells the model what is wrong with %s', (_, text, words) => {
    const parsed = parseCode(text, 'typescript')
    expect(parsed).toMatchObject({ ok: false })
    expect(!parsed.ok && parsed.fault).toContain(words)
    expect(!parsed.ok && parsed.fault).toContain('finalAnswer(value)')
  })

  it('does not run half of a program that was cut off', () => {
    const cut = 'I begin.\n```ts\nconst a = await sell({ everything: true })\nconst b ='
    expect(parseCode(cut, 'typescript', 'length')).toMatchObject({ ok: false, fault: expect.stringContaining('cut off') })
    expect(parseCode(`${fence('finalAnswer(1)')}\nAnd so on and`, 'typescript', 'length')).toMatchObject({ ok: true })
  })

  it('reads Python for an agent that writes Python', () => {
    expect(parseCode(fence('print(1)', 'python'), 'python')).toEqual({ ok: true, code: 'print(1)' })
    expect(parseCode('x = quote("IBM")\nfinal_answer(x)', 'python')).toMatchObject({ ok: true })
    expect(parseCode('', 'python')).toMatchObject({ fault: expect.stringContaining('final_answer(value)') })
  })

  it('comes to an end on a long text of fences', () => {
    const begun = performance.now()
    parseCode('```\n'.repeat(50_000), 'typescript')
    parseCode('<code>'.repeat(20_000), 'typescript')
    parseCode('A b '.repeat(50_000), 'typescript')
    expect(performance.now() - begun).toBeLessThan(5_000)
  })
})
