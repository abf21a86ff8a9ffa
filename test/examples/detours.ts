import { codeAgent, team, type Agent } from 'troupe'
import { scriptModel } from 'troupe/models'

const answers = (answer: string): string => `\`\`\`ts\nfinalAnswer(${answer})\n\`\`\``

/**
 * A team that takes the ways which the stock desk does not: a task whose evidence never stands, so that the plan changes, and a
 * person who is asked before the answer is written. With one round it ends as `limit` instead.
 */
export function detours(maxRounds: number): Agent {
  const clerk = codeAgent({
    name: 'clerk',
    description: 'Gives numbers.',
    model: scriptModel([
      { when: '## Task wrong', turns: [{ content: answers("{ output: 41, evidence: [{ ref: 'nowhere#1', quote: '41' }] }") }] },
      { turns: [{ content: answers('{ output: 42 }') }] },
    ]),
  })
  return team({
    name: 'detours',
    description: 'Comes to its end by detours.',
    agents: [clerk],
    architect: ({ tasks }) => {
      const task = { owner: 'clerk', objective: `Give number ${tasks.length}.`, output: { type: 'number' } } as const
      return tasks.length === 0 ? { tasks: [{ ...task, id: 'wrong' }] } : { add: [{ ...task, id: 'right', produces: ['answer'] }] }
    },
    approvals: [{ type: 'state', state: 'synthesizing' }],
    evidence: 'optional',
    maxRounds,
  })
}
