import { describe, expect, it } from 'vitest'
import { invokeTool } from '../tools/invoke.ts'
import { contextAsText, readContextTool } from './context-text.ts'

const read = { signal: new AbortController().signal, idempotencyKey: 'k' }

describe('contextAsText', () => {
  it('writes values as JSON and cuts those that are longer than 2,048 characters', () => {
    const text = contextAsText({ n: 1, gone: undefined, edge: 'e'.repeat(2_046), long: 'x'.repeat(3_000) })
    expect(text).toContain('Given with the task:\nn: 1\n')
    expect(text).not.toContain('gone')
    expect(text).toContain(`"${'e'.repeat(2_046)}"\n`)
    expect(text).toContain('(the first 2048 of 3002 characters; read the rest with readContext)')
    expect(contextAsText({})).toBe('')
  })
})

describe('readContextTool', () => {
  it('is there only when some value was cut, and reads parts of all of them', async () => {
    expect(readContextTool({ n: 1 })).toBeUndefined()
    const tool = readContextTool({ n: 1, long: 'x'.repeat(3_000) })
    if (!tool) return expect.unreachable()
    expect(await invokeTool(tool, { key: 'long', offset: 2_999, length: 100 }, read)).toBe('xx"')
    expect(await invokeTool(tool, { key: 'n', offset: 0, length: 10 }, read)).toBe('1')
    await expect(invokeTool(tool, { key: 'constructor', offset: 0, length: 1 }, read)).rejects.toMatchObject({ code: 'tool/arguments' })
  })
})
