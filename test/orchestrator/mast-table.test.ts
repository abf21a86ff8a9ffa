import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { ALL_TEAM_DEFENCES } from '../../src/orchestrator/defences.ts'

const PAGE = readFileSync(new URL('../../docs/architecture/failure-modes.md', import.meta.url), 'utf8')
const FILES = ['mast-specification', 'mast-alignment', 'mast-verification', 'pitfalls']
const SOURCES = new Map(FILES.map((name) => [name, readFileSync(new URL(`./${name}.test.ts`, import.meta.url), 'utf8')]))

/** The cells of each row of the table below a heading. */
function rowsUnder(heading: string): readonly (readonly string[])[] {
  const [, rest = ''] = PAGE.split(`\n## ${heading}\n`)
  const [section = ''] = rest.split('\n## ')
  const lines = section.split('\n').filter((line) => line.startsWith('| '))
  return lines.slice(1).map((line) => line.slice(2, -2).split(' | '))
}

describe('the page of the known ways to fail', () => {
  const modes = rowsUnder('The 14 modes of MAST')
  const tests = rowsUnder('The tests')
  const pitfalls = rowsUnder('The pitfalls of the design')

  it('has the 14 modes, with shares that make up the whole', () => {
    expect(modes).toHaveLength(14)
    const sum = modes.reduce((all, [, share = '']) => all + Number.parseFloat(share), 0)
    expect(sum).toBeCloseTo(100.05, 5) // The paper rounds each.
  })

  it('names a test for every mode that is prevented or detected, and no other mode', () => {
    const answered = modes.filter(([, , what = '']) => /^(prevents|detects)/.test(what)).map(([mode]) => mode)
    expect([...new Set(tests.map(([mode]) => mode))]).toEqual(answered)
  })

  it.each([...tests.map((row) => row[1] ?? ''), ...pitfalls.map((row) => row[3] ?? '')])('names a test that exists: %s', (named) => {
    const [, file = '', title = ''] = /^`([a-z-]+)`: (.+)$/.exec(named) ?? []
    const source = SOURCES.get(file) ?? ''
    expect(title !== '' && source.includes(title)).toBe(true)
  })

  it.each(Object.keys(ALL_TEAM_DEFENCES))('shows what gets through without %s', (defence) => {
    expect(PAGE).toContain(`\`${defence}\``)
    expect([...SOURCES.values()].some((source) => source.includes(`compared('${defence}'`))).toBe(true)
  })
})
