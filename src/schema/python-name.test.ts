import { expect, test } from 'vitest'
import { pythonName } from './python-name.ts'

test.each([
  ['quote', 'quote'],
  ['readContext', 'read_context'],
  ['read_context', 'read_context'],
  ['getURL', 'get_url'],
  ['fetchHTMLPage', 'fetch_html_page'],
  ['HTTPGet', 'http_get'],
  ['v2Get', 'v2_get'],
  ['getV2', 'get_v2'],
  ['Quote', 'quote'],
  ['a_B', 'a_b'],
])('pythonName(%s) is %s', (name, expected) => {
  expect(pythonName(name)).toBe(expected)
  expect(pythonName(expected)).toBe(expected)
})
