import { describe, expect, it } from 'vitest'
import { faultOf, keptOf } from './prepare.ts'

const fixedNames = new Map([
  ['quote', 'a tool'],
  ['final_answer', 'the function that ends the run'],
])
const fault = (code: string): ReturnType<typeof faultOf> => faultOf(code, { fixedNames, sourceLimits: true, sourceChecks: true })

describe('names that code takes', () => {
  it.each([
    ['assignment', 'quote = 1'],
    ['a list of targets', 'a, quote = 1, 2'],
    ['brackets', '(a, [quote, b]) = x'],
    ['a starred target', '*quote, b = x'],
    ['a chain', 'a = quote = 1'],
    ['an annotation', 'quote: int = 1'],
    ['addition', 'quote += 1'],
    ['a function', 'def quote(): pass'],
    ['an asynchronous function', 'async def quote(): pass'],
    ['a class', 'class quote: pass'],
    ['a loop', 'for quote in x: pass'],
    ['a loop of pairs', 'for a, quote in x: pass'],
    ['import', 'import quote'],
    ['import as', 'import math as quote'],
    ['from import', 'from math import quote'],
    ['from import as', 'from math import (sqrt as quote)'],
    ['with', 'with x as quote: pass'],
    ['except', 'try:\n  x\nexcept E as quote:\n  pass'],
    ['a walrus', 'if (quote := 1): pass'],
    ['a second statement', 'a = 1; quote = 2'],
    ['a body in the same line', 'if x: quote = 1'],
    ['a block', 'if x:\n  if y:\n    quote = 1'],
    ['global in a function', 'def f():\n  global quote\n  quote = 1'],
    ['behind a string with a bracket', 's = "("\nquote = 1'],
    ['behind a comment', '# (\nquote = 1'],
    ['behind an f-string', 's = f"{d["a"]:>{w}} {{"\nquote = 1'],
    ['a target over two lines', '(a,\n quote) = x'],
    ['after a function', 'def f():\n  pass\nquote = 1'],
  ])('are refused: %s', (_, code) => {
    expect(fault(code)).toMatchObject({ kind: 'denied', message: expect.stringContaining("Cannot overwrite 'quote': it is a tool") })
  })

  it.each([
    ['reading', 'a = quote(1)'],
    ['an attribute', 'a.quote = 1'],
    ['an index', 'a[quote] = 1'],
    ['an index of a call', 'f(quote)[0] = 1'],
    ['a keyword argument', 'f(quote=1)'],
    ['a key', 'd = {"quote": quote}'],
    ['comparison', 'quote == 1'],
    ['a local variable', 'def f():\n  quote = 1\n  return quote'],
    ['a parameter', 'def f(quote): return quote'],
    ['a comprehension', '[quote for quote in x]'],
    ['text', '"""\nquote = 1\n"""'],
    ['text in single quotes', "'quote = 1'"],
    ['a comment', '# quote = 1'],
    ['an f-string', 'f"{quote(1)}"'],
    ['another module', 'from quote import a'],
    ['a longer name', 'quotes = 1'],
    ['an equal sign in a call that goes on', 'f(\n  quote=1,\n)'],
    ['an inner function', 'def f():\n  def quote(): pass\n'],
  ])('are fine: %s', (_, code) => {
    expect(fault(code)).toBe(null)
  })

  it('says the line', () => {
    expect(fault('a = """\n\n"""\nb = (1,\n2)\nfinal_answer = 1')).toMatchObject({ line: 6 })
  })
})

describe('what Monty would let pass', () => {
  it('is a return outside a function', () => {
    expect(fault('if x:\n  return 1')).toMatchObject({ kind: 'syntax', line: 2 })
    expect(fault('def f(): return 1\ndef g():\n  if x:\n    return 2')).toBe(null)
  })

  it('is a decorator', () => {
    expect(fault('a = b @ c\n@d\ndef f(): pass')).toMatchObject({ kind: 'syntax', line: 2 })
  })

  it('is code of any length', () => {
    expect(fault(`a = "${'x'.repeat(300_000)}"`)).toMatchObject({ kind: 'syntax' })
  })
})

describe('what stays of a failed step', () => {
  it('is everything before the failing statement, and that one with its failure swallowed', () => {
    expect(keptOf('a = 1\nfor x in y:\n  f(x)\n\n  g(x)\nelse:\n  h()\nb = 2', 5)).toBe(
      'a = 1\ntry:\n for x in y:\n   f(x)\n\n   g(x)\n else:\n   h()\nexcept BaseException:\n pass\n',
    )
  })

  it('leaves texts and what goes on over lines as they were', () => {
    expect(keptOf('t = """a\n  b"""\nf(t,\n  1 / 0)\nc = 1', 4)).toBe(
      't = """a\n  b"""\ntry:\n f(t,\n  1 / 0)\nexcept BaseException:\n pass\n',
    )
    expect(keptOf('if x:\n\ts = """a\nb"""\n\tf(s)', 4)).toBe('try:\n if x:\n \ts = """a\nb"""\n \tf(s)\nexcept BaseException:\n pass\n')
  })

  it('is nothing where the line is not in the code', () => {
    expect(keptOf('', 1)).toBe('')
  })
})
