import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inOwnProcess } from '../harness/process.ts'
import { alternate, type Sample } from '../harness/rounds.ts'
import { row, type Row } from '../harness/row.ts'

const STEPS = 100

/** A run of 100 steps, cut off, and a new process that goes on with it: from the start of that process to the first question that is not in the log. */
export async function measure(): Promise<readonly Row[]> {
  const folder = await mkdtemp(join(process.env['BENCH_DISK'] ?? tmpdir(), 'troupe-bench-'))
  try {
    const paths = { tool: join(folder, 'tool.db'), code: join(folder, 'code.db') }
    for (const [kind, path] of Object.entries(paths)) await inOwnProcess(programOf(kind, path, 'begin'))
    const timed = (kind: string, path: string, part: 'resume' | 'start') => async (): Promise<Sample> => {
      const begun = performance.now()
      const { cpuMs } = await inOwnProcess<{ cpuMs: number }>(programOf(kind, path, part))
      return { value: performance.now() - begun, cpuMs }
    }
    const samples = await alternate(
      {
        tool: timed('tool', paths.tool, 'resume'),
        code: timed('code', paths.code, 'resume'),
        start: timed('tool', paths.tool, 'start'),
      },
      { rounds: 7, warmUp: 1 },
    )
    const beyond = (of: readonly Sample[]): readonly Sample[] =>
      of.map(({ value, cpuMs = NaN }, i) => ({
        value: value - (samples.start[i]?.value ?? NaN),
        cpuMs: cpuMs - (samples.start[i]?.cpuMs ?? NaN),
      }))
    const start = { name: 'a process that imports the same and opens the store', samples: samples.start }
    return [
      row({ what: `process that resumes a run of ${STEPS} tool steps`, unit: 'ms', samples: samples.tool, beside: start }),
      row({
        what: 'resume of 100 tool steps, beyond the start of a process',
        unit: 'ms',
        samples: beyond(samples.tool),
        target: { atMost: 300 },
      }),
      row({ what: `process that resumes a run of ${STEPS} code steps`, unit: 'ms', samples: samples.code, beside: start }),
      row({
        what: 'resume of 100 code steps, beyond the start of a process',
        unit: 'ms',
        samples: beyond(samples.code),
        target: { atMost: 300 },
        note: 'with the start of a sandbox and the run of its code again, which the target would allow for',
      }),
    ]
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** `begin` ends as a killed process would, at the question after the last step; `resume` when it is asked again. */
function programOf(kind: string, path: string, part: 'begin' | 'resume' | 'start'): string {
  return `
import { codeAgent, openRuntime, tool, toolAgent } from 'troupe'
import { sqlite } from 'troupe/engine/sqlite'
import { z } from 'zod'
const done = () => {
  const { user, system } = process.cpuUsage()
  process.stdout.write(JSON.stringify({ cpuMs: (user + system) / 1000 }), () => process.exit())
  return new Promise(() => {})
}
const isTool = ${kind === 'tool'}
const answer = async ({ prompt }) => {
  const turn = prompt.filter(({ role }) => role === 'assistant').length
  if (turn === ${STEPS}) await done()
  const content = isTool
    ? { type: 'tool-call', toolCallId: 'call_' + turn, toolName: 'probe', input: JSON.stringify({ n: turn }) }
    : { type: 'text', text: '\`\`\`ts\\nconst got = await probe({ n: 1 })\\ngot\\n\`\`\`' }
  return {
    content: [content],
    finishReason: { unified: isTool ? 'tool-calls' : 'stop' },
    usage: { inputTokens: { total: 100, noCache: 100 }, outputTokens: { total: 10, text: 10 } },
    warnings: [],
  }
}
const model = { specificationVersion: 'v4', provider: 'stub', modelId: 'stub', supportedUrls: {}, doGenerate: answer, doStream: () => { throw new Error('nobody listens') } }
const probe = tool({ name: 'probe', description: 'Gives a number.', effect: 'read', input: z.object({ n: z.number() }), output: z.number(), run: ({ n }) => n })
const make = isTool ? toolAgent : codeAgent
const agent = make({ name: 'prober', description: 'Probes.', model, tools: [probe], maxSteps: ${STEPS + 5} })
const runtime = await openRuntime({ engine: sqlite({ path: ${JSON.stringify(path)} }), agents: [agent] })
if (${JSON.stringify(part)} === 'start') await done()
await (${JSON.stringify(part)} === 'begin' ? runtime.run(agent, 'Probe.', { runId: 'r1' }) : runtime.resume('r1'))
throw new Error('it ended')
`
}
