import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { memory } from 'troupe/engine/memory'
import { resolveModel } from 'troupe/models'
import { crashEverywhere } from 'troupe/testing'
import { example as hello } from '../../examples/01-hello.ts'
import { example as tools } from '../../examples/02-tools.ts'
import { example as events } from '../../examples/03-events.ts'
import { example as typedOutput } from '../../examples/04-typed-output.ts'
import { example as durableRun } from '../../examples/05-durable-run.ts'
import { example as approval } from '../../examples/06-approval.ts'
import { example as managedAgents } from '../../examples/07-managed-agents.ts'
import { example as session } from '../../examples/08-session.ts'
import { example as tape } from '../../examples/09-tape.ts'
import { example as budgetAndHooks } from '../../examples/10-budget-and-hooks.ts'
import { example as weatherTeam } from '../../examples/11-team.ts'
import { example as plannerCoderReviewer } from '../../examples/12-planner-coder-reviewer.ts'
import { example as mapReduce } from '../../examples/13-map-reduce.ts'
import { example as debate } from '../../examples/14-debate.ts'
import { example as supervisor } from '../../examples/15-supervisor.ts'
import { example as planAndExecute } from '../../examples/16-plan-and-execute.ts'
import type { Example } from '../../examples/model.ts'
import { readPrices } from '../../examples/stock-desk/prices.ts'
import { PRICES_FILE, SCRIPT_FILES } from '../../examples/stock-desk/settings.ts'
import { QUESTION, stockDesk } from '../../examples/stock-desk/stock-desk.ts'

const EXAMPLES: Readonly<Record<string, Example & { isSequential?: boolean; status?: string }>> = {
  hello,
  tools: { ...tools, isSequential: true },
  events: { ...events, isSequential: true },
  'typed output': { ...typedOutput, isSequential: true },
  'durable run': { ...durableRun, isSequential: true },
  approval: { ...approval, isSequential: true },
  'managed agents': managedAgents,
  session: { ...session, isSequential: true },
  tape: { ...tape, isSequential: true },
  'budget and hooks': { ...budgetAndHooks, isSequential: true, status: 'limit' },
  team: weatherTeam,
  'planner, coder, reviewer': plannerCoderReviewer,
  'map and reduce': mapReduce,
  debate,
  supervisor,
  'plan and execute': planAndExecute,
}

describe('stopped after each append of its log and resumed, an example ends as without a crash', () => {
  for (const [name, { agent, task, options = {}, isSequential = false, status = 'done' }] of Object.entries(EXAMPLES)) {
    test(`the example "${name}"`, { timeout: 60_000 }, async () => {
      const report = await crashEverywhere({ agent: () => agent, task, options, engine: memory, isSequential })
      expect(report.faults).toEqual([])
      expect(report.end).toContain(`"status":"${status}"`)
      expect(report.appends).toBeGreaterThan(3)
    })
  }

  // Its log is long: every fifth append stands for the others here, and kill -9 after each transition has a test of its own.
  test('the stock desk, every fifth append', { timeout: 180_000 }, async () => {
    const outDir = await mkdtemp(join(tmpdir(), 'troupe-crash-'))
    onTestFinished(() => rm(outDir, { recursive: true, force: true }))
    const prices = await readPrices(PRICES_FILE)
    const model = await resolveModel(`script:${SCRIPT_FILES.typescript}`)
    const report = await crashEverywhere({
      agent: () => stockDesk({ prices, outDir }).withDefaults({ model }),
      task: QUESTION,
      engine: memory,
      every: 5,
    })
    expect(report.faults).toEqual([])
    expect(report.end).toContain('"status":"done"')
    expect(report.appends).toBeGreaterThan(100)
  })
})
