import { expect, test } from 'vitest'
import { loadOpenAi } from './openai.ts'

test('an empty address variable is a missing one, for the provider package as well', async () => {
  process.env['OPENAI_BASE_URL'] = ''
  try {
    const model = await loadOpenAi('gpt-5', { env: { OPENAI_API_KEY: 'k', OPENAI_BASE_URL: '' } })
    expect(model.modelId).toBe('gpt-5')
  } finally {
    delete process.env['OPENAI_BASE_URL']
  }
})
