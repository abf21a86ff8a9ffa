import { codeAgent, team, toolAgent } from '../../src/index.ts'

/** What must and must not compile about teams: the names of members are literal types. */
const coder = codeAgent({ name: 'coder', description: 'Codes.' })
const writer = toolAgent({ name: 'writer', description: 'Writes.' })

team({
  name: 'desk',
  description: 'Works.',
  agents: [coder, writer],
  router: ({ members }) => ({ type: 'member', member: members[0]?.name ?? 'coder' }),
  architect: () => ({ tasks: [{ id: 'a', owner: 'writer', objective: 'Write.' }] }),
  memberCaps: { coder: 2 },
  skills: { writer: ['prose'] },
})

team({
  name: 'desk',
  description: 'Works.',
  agents: [coder, writer],
  // @ts-expect-error there is no member 'cook'
  router: () => ({ type: 'member', member: 'cook' }),
})

team({
  name: 'desk',
  description: 'Works.',
  agents: [coder, writer],
  // @ts-expect-error nor can a plan name one
  architect: () => ({ tasks: [{ id: 'a', owner: 'cook', objective: 'Cook.' }] }),
})

team({
  name: 'desk',
  description: 'Works.',
  agents: [coder, writer],
  // @ts-expect-error or a cap
  memberCaps: { cook: 1 },
})

// @ts-expect-error a team has members
team({ name: 'desk', description: 'Works.' })
