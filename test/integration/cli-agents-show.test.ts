import { describe, expect, it } from 'vitest'
import { place } from './cli-harness.ts'

const config = `import { codeAgent, defineConfig, team } from 'troupe'
const one = codeAgent({ name: 'one', description: 'One.' })
export default defineConfig({ agents: { one, desk: team({ name: 'desk', description: 'Works.', agents: [one], architect: () => ({ tasks: [] }) }) } })`

describe('troupe agents show', () => {
  it('draws the machines of a team, and refuses what has none', async () => {
    const at = place()
    at.write('troupe.config.ts', config)
    const drawn = await at.troupe(['agents', 'show', 'desk', '--diagram'])
    expect(drawn).toMatchObject({ code: 0, err: '' })
    expect(drawn.out).toMatch(
      /title: desk, a run\n---\nstateDiagram-v2\n {2}\[\*\] --> routing[^]*title: desk, a task\n---\nstateDiagram-v2/,
    )
    expect(await at.troupe(['agents', 'show', 'one', '--diagram'])).toMatchObject({
      code: 2,
      err: expect.stringMatching(/one is a code agent/) as string,
    })
    expect((await at.troupe(['agents', 'show', 'none'])).err).toMatch(/no agent "none"; there are one, desk/)
    expect(JSON.parse((await at.troupe(['agents', 'show', 'desk', '--json'])).out)).toMatchObject({ kind: 'team', agents: ['one'] })
  })
})
