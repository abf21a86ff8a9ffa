import { team, type Agent } from 'troupe'
import { alternate, timed, type Sample } from '../harness/rounds.ts'
import { notMeasured, row, type Row } from '../harness/row.ts'
import { chains, diamond, doTask, hold, type GraphTask } from '../harness/task-graph.ts'
import { langGraphTasks, type LangGraphTasks } from '../peers/langgraph-tasks.ts'

const CHAIN = chains(1, 100)
const LARGE = chains(50, 20)
const DIAMOND = diamond(50, 2, 20)
const PARALLEL = 50

/** What a team's orchestration costs without any model, beside the same graph of tasks in LangGraph.js. */
export async function measure(): Promise<readonly Row[]> {
  const peer = await langGraphTasks()
  const theirs = 'why' in peer ? undefined : peer
  const rounds = { rounds: 7, warmUp: 2 }
  const chain = await alternate(subjects(CHAIN, CHAIN.length, theirs), rounds)
  const large = await alternate(subjects(LARGE, 1, theirs), rounds)
  const wide = await alternate({ ...subjects(DIAMOND, 1, theirs), ideal: idealDiamond }, rounds)
  const begun = await alternate({ planned: planned(LARGE) }, rounds)

  const each = 'orchestration of one task of a team, no model'
  const all = '1,000 tasks in one plan: planned, scheduled and done'
  const diamonds = `diamond of 2 × 50 tasks of 20 ms, ${PARALLEL} at once`
  return [
    row({
      what: each,
      unit: 'ms',
      samples: chain.troupe,
      target: { atMost: 1 },
      note: 'a chain of 100 tasks: plan, schedule, a run of its own for each task, schema and evidence of each output checked, and the answer; log in memory',
    }),
    row({ what: all, unit: 'ms', samples: large.troupe, target: { atMost: 1000 }, note: '50 chains of 20 tasks, each held as above' }),
    row({ what: 'the same plan until its first task starts', unit: 'ms', samples: begun.planned }),
    row({
      what: diamonds,
      unit: 'ms',
      samples: wide.troupe,
      beside: { name: 'timers alone, the ideal', samples: wide.ideal },
      target: { ratioAtMost: 1.3 },
    }),
    ...beside(peer, [
      { what: each, samples: chain },
      { what: all, samples: large },
      { what: diamonds, samples: wide },
    ]),
  ]
}

interface Compared {
  readonly what: string
  readonly samples: { readonly troupe: readonly Sample[]; readonly langGraph: readonly Sample[] }
}

function beside(peer: LangGraphTasks | { readonly why: string }, compared: readonly Compared[]): readonly Row[] {
  if ('why' in peer) return [notMeasured('teams beside LangGraph.js', peer.why)]
  return compared.map(({ what, samples: { troupe, langGraph } }) =>
    row({
      what: `${what}, the same graph`,
      unit: 'ms',
      samples: troupe,
      beside: { name: peer.name, samples: langGraph },
      note: 'LangGraph.js builds, compiles and runs the graph without a checkpointer: no log, no checks of outputs',
    }),
  )
}

interface Subjects {
  readonly troupe: () => Promise<Sample>
  readonly langGraph: () => Promise<Sample>
}

function subjects(graph: readonly GraphTask[], count: number, peer: LangGraphTasks | undefined): Subjects {
  const desk = deskFor(graph)
  return {
    troupe: () =>
      timed(count, async () => {
        const result = await desk.run('Do the graph.')
        if (result.status !== 'done') throw new Error(`the team ended as ${JSON.stringify(result)}`)
        hold('troupe', graph, result.output as Readonly<Record<string, number>>)
      }),
    langGraph: () => timed(count, async () => peer?.run(graph, PARALLEL)),
  }
}

/** A team that is given the graph as its plan. Its one member needs no model: it does the task and quotes what it was given. */
function deskFor(graph: readonly GraphTask[]): Agent {
  const tasks = new Map(graph.map((task) => [task.id, task]))
  return team({
    name: 'desk',
    description: 'Does graphs of tasks.',
    agents: [worker(tasks)],
    architect: () => ({
      tasks: graph.map(({ id, needs }) => ({
        id,
        owner: 'worker' as const,
        objective: `Do ${id}.`,
        inputs: needs,
        given: id,
        output: { type: 'integer' },
      })),
    }),
    maxParallel: PARALLEL,
    maxTasks: 1000,
  })
}

function worker(tasks: ReadonlyMap<string, GraphTask>): Agent<unknown, 'worker'> {
  const agent: Agent<unknown, 'worker'> = {
    kind: 'tool',
    name: 'worker',
    description: 'Does one task.',
    version: '1.0.0',
    agents: [],
    activate: async ({ context = {} }, ctx) => {
      const { given } = context
      const task = typeof given === 'string' ? tasks.get(given) : undefined
      if (!task) throw new Error(`there is no task ${JSON.stringify(given)}`)
      const output = await ctx.step('work', () =>
        doTask(
          task,
          task.needs.map((need) => Number(context[need])),
        ),
      )
      return { status: 'done', output: { output, evidence: [{ ref: 'inputs.given', quote: task.id }] } }
    },
    run: () => {
      throw new Error('it is only a member')
    },
    withDefaults: () => agent,
  }
  return agent
}

/** From the goal to the first task that is given to its owner. */
function planned(graph: readonly GraphTask[]): () => Promise<Sample> {
  const desk = deskFor(graph)
  return async () => {
    const begun = performance.now()
    let value = NaN
    await desk.run('Do the graph.', {
      on: {
        'task-assigned': () => {
          if (Number.isNaN(value)) value = performance.now() - begun
        },
      },
    })
    return { value }
  }
}

function idealDiamond(): Promise<Sample> {
  return timed(1, async () => {
    const ways = Array.from({ length: 50 }, async () => {
      for (let i = 0; i < 2; i++) await new Promise((resolve) => setTimeout(resolve, 20))
    })
    await Promise.all(ways)
  })
}
