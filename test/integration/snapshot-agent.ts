import { z } from 'zod'
import { codeAgent, tool, type Agent } from '../../src/index.ts'
import type { Sandbox, SandboxSession } from '../../src/sandbox/sandbox.ts'
import { scriptedModel } from '../../src/testing/scripted-model.ts'

const code = (text: string): string => `\`\`\`ts\n${text}\n\`\`\``

/** Burns CPU in the first step and in the second, then asks for an approval in the middle of that. */
const steps = (turns: number): readonly string[] => [
  code(`let sum = 0\nfor (let i = 0; i < ${turns}; i++) sum += i % 7\nconsole.log("first", await add({ n: 1 }))`),
  code(
    `class Tally { constructor(public of: number) {} }
const tally = new Tally(sum)
for (let i = 0; i < ${turns}; i++) tally.of += i % 3
const early = add({ n: 2 }).then((n) => { console.log('early', n); return n })
console.log('asking')
const [a, b, c] = await Promise.all([early, deploy({ what: 'x' }), deploy({ what: 'y' })])
console.log('asked')
var end = [a, b, c, tally.of, Math.random() < 1].join()`,
  ),
  code('finalAnswer(end + ":" + sum)'),
]

/** `done`: what was done outside. 2e6 turns of a loop are about 150 ms of CPU. */
export function snapshotAgent(sandbox: Sandbox, done: string[] = [], turns = 2e6): Agent {
  const add = tool({
    name: 'add',
    description: 'Adds ten.',
    input: z.object({ n: z.number() }),
    output: z.number(),
    run: ({ n }) => {
      done.push(`add ${n}`)
      return n + 10
    },
  })
  const deploy = tool({
    name: 'deploy',
    description: 'Deploys.',
    needsApproval: true,
    input: z.object({ what: z.string() }),
    output: z.string(),
    run: ({ what }) => {
      done.push(`deploy ${what}`)
      return `deployed ${what}`
    },
  })
  const model = scriptedModel([{ reply: steps(turns) }])
  return codeAgent({ name: 'burner', description: 'Burns CPU, then asks.', model, tools: [add, deploy], sandbox })
}

/** A sandbox that tells what was asked of it. */
export function watched(sandbox: Sandbox, seen: string[]): Sandbox {
  return {
    ...sandbox,
    async open(options) {
      const restores = options.snapshot !== undefined
      const session = await sandbox.open(options).catch((error: unknown) => {
        seen.push(restores ? 'refused' : 'failed')
        throw error
      })
      seen.push(restores ? 'restored' : 'opened')
      return {
        execute: (text, how) => {
          seen.push(`execute ${how.step}`)
          return session.execute(text, how)
        },
        resume: (how) => {
          seen.push('resume')
          return session.resume(how)
        },
        reply: (call, answer) => session.reply(call, answer),
        snapshot: async () => {
          const snapshot = await session.snapshot()
          seen.push(snapshot === null ? 'no snapshot' : 'snapshot')
          return snapshot
        },
        [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
      } satisfies SandboxSession
    },
  }
}
