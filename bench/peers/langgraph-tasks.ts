import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { doTask, hold, sinksOf, type GraphTask } from '../harness/task-graph.ts'
import { ROOT } from '../harness/process.ts'

const FOLDER = join(ROOT, 'bench', 'langgraph')
const INSTALL_MS = 300_000

interface LangGraph {
  readonly StateGraph: new (annotation: object) => GraphBuilder
  readonly Annotation: { (options: object): object; Root(fields: object): object }
  readonly START: string
  readonly END: string
}

interface GraphBuilder {
  addNode(id: string, work: (state: { outputs: Readonly<Record<string, number>> }) => Promise<object>): GraphBuilder
  addEdge(from: string | readonly string[], to: string): GraphBuilder
  compile(): { invoke(input: object, options: object): Promise<{ outputs: Readonly<Record<string, number>> }> }
}

/** LangGraph.js, ready to be measured: built, compiled and invoked once a call, without a checkpointer. */
export interface LangGraphTasks {
  readonly name: string
  run(graph: readonly GraphTask[], maxParallel: number): Promise<void>
}

/** From its own folder of this repository, into which it is installed on demand; or why it cannot be had. */
export async function langGraphTasks(): Promise<LangGraphTasks | { readonly why: string }> {
  if (!existsSync(join(FOLDER, 'node_modules', '@langchain', 'langgraph')) && !(await install()))
    return { why: `npm install in bench/langgraph did not end well within ${INSTALL_MS / 1000} s` }
  const { resolve } = createRequire(join(FOLDER, 'package.json'))
  const langGraph = (await import(pathToFileURL(resolve('@langchain/langgraph')).href)) as LangGraph
  return {
    name: `LangGraph.js ${versionOf('@langchain/langgraph')} (core ${versionOf('@langchain/core')})`,
    run: async (graph, maxParallel) => {
      const { outputs } = await build(langGraph, graph).invoke({}, { recursionLimit: 10 + graph.length, maxConcurrency: maxParallel })
      hold('LangGraph.js', graph, outputs)
    },
  }
}

function build({ StateGraph, Annotation, START, END }: LangGraph, graph: readonly GraphTask[]): ReturnType<GraphBuilder['compile']> {
  const outputs = Annotation({ reducer: (before: object, after: object) => ({ ...before, ...after }), default: () => ({}) })
  const builder = new StateGraph(Annotation.Root({ outputs }))
  for (const task of graph) {
    builder.addNode(task.id, async (state) => {
      const inputs = task.needs.map((need) => state.outputs[need] ?? NaN)
      return { outputs: { [task.id]: await doTask(task, inputs) } }
    })
  }
  for (const { id, needs } of graph) {
    const [only] = needs
    if (only === undefined) builder.addEdge(START, id)
    else builder.addEdge(needs.length === 1 ? only : needs, id)
  }
  for (const id of sinksOf(graph)) builder.addEdge(id, END)
  return builder.compile()
}

/** Its peer ranges do not fit each other in every registry, so they are not held against it; no script of its packages runs. */
async function install(): Promise<boolean> {
  console.error(`installing LangGraph.js into ${FOLDER}`)
  const npm = join(dirname(process.execPath), 'npm')
  const options = ['install', '--legacy-peer-deps', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock']
  const child = spawn(existsSync(npm) ? npm : 'npm', options, { cwd: FOLDER, stdio: ['ignore', 'ignore', 'inherit'], timeout: INSTALL_MS })
  child.on('error', () => {}) // No npm at all: 'close' tells.
  const [code] = (await once(child, 'close')) as [number | null]
  return code === 0
}

function versionOf(name: string): string {
  return (JSON.parse(readFileSync(join(FOLDER, 'node_modules', name, 'package.json'), 'utf8')) as { version: string }).version
}
