import { readFile } from 'node:fs/promises'
import type { BudgetLimits } from '../../engine/budget.ts'
import { messageOf, TroupeError } from '../../errors/troupe-error.ts'
import type { JsonObject } from '../../util/json.ts'
import type { QueueOptions, RunOptions } from '../../engine/runtime.ts'
import { absentModel } from '../absent-model.ts'
import { castOf, checkPlaced, recorded } from '../agents.ts'
import type { Command, CommandInput, FlagValues } from '../command.ts'
import { loadConfig } from '../config.ts'
import { enqueue, noteUnserved } from '../enqueue.ts'
import { numberFlag, parseJson, secondsFlag, textFlag, usageError } from '../flags.ts'
import { follow } from '../follow.ts'
import { readInput } from '../output.ts'
import { AGENT_FLAGS, RECORD_FLAG, STORE_FLAGS, WAIT_FLAG } from '../shared-flags.ts'
import { keptAddress, storeAddress } from '../stores.ts'
import { openWorkplace } from '../workplace.ts'

export const runCommand: Command = {
  usage: '[TASK]',
  about: 'Starts a run and follows it to its end. TASK may come from standard input.',
  positionals: [0, 1],
  flags: {
    agent: { type: 'string', value: 'NAME', about: 'of the configuration; default: the only one, else main' },
    ...AGENT_FLAGS,
    tools: { type: 'string', value: 'a,b', about: 'of the configured tools those that the default agent gets; default: all' },
    'max-steps': { type: 'string', value: 'N', about: 'steps before the run ends with status limit' },
    'budget-usd': { type: 'string', value: 'X', about: 'what the models of the run may cost together; their price must be known' },
    'budget-tokens': { type: 'string', value: 'N', about: 'input and output tokens of the run together' },
    timeout: { type: 'string', value: 'SECONDS', about: 'wall time of the run, without the time in which it only waits' },
    context: { type: 'string', value: 'FILE.json', about: 'an object whose values the code finds as global variables' },
    session: { type: 'string', value: 'ID', about: 'go on from the ended runs of the same tenant, agent and session' },
    tenant: { type: 'string', value: 'NAME', about: 'whose run it is' },
    priority: {
      type: 'string',
      value: 'N',
      about: 'wait for a turn in the queue, lower numbers first; of detached runs the default is 100',
    },
    detach: { type: 'boolean', about: 'queue the run for a worker, tell its id as one line of JSON, and end' },
    record: RECORD_FLAG,
    wait: WAIT_FLAG,
    ...STORE_FLAGS,
  },

  async run({ positionals, flags }: CommandInput): Promise<number> {
    const options = optionsOf(flags)
    const waitMs = secondsFlag(flags, 'wait')
    const isDetached = flags['detach'] === true
    if (isDetached) refuseWithDetach(flags)
    const context = await contextOf(textFlag(flags, 'context'))
    const task = await taskOf(positionals[0])
    const config = await loadConfig(textFlag(flags, 'config'))
    const url = textFlag(flags, 'store') ?? config.store
    const name = textFlag(flags, 'agent')
    const asked = { task, options: { ...options, ...(context && { context }) } }
    if (isDetached) {
      const address = keptAddress(url)
      const cast = await castOf(config, flags, absentModel().model)
      return enqueue({ ...asked, address, config, agent: cast.chosen(name) })
    }

    const address = storeAddress(url)
    const configured = await castOf(config, flags)
    checkPlaced([configured.chosen(name)]) // a tape is not written over for a name that is wrong
    const cast = await recorded(configured, textFlag(flags, 'record'), { append: false })
    await using place = await openWorkplace({ address, cast, config, json: flags['json'] === true, waitMs })
    const run = place.runtime.run(cast.chosen(name), asked.task, asked.options)
    if (options.priority !== undefined && address.type === 'postgres') await noteUnserved(place.runtime, address)
    return await follow({ ...place, run, resumeHint: place.resumeHint(run.id) })
  },
}

function optionsOf(flags: FlagValues): Pick<RunOptions & QueueOptions, 'maxSteps' | 'session' | 'tenant' | 'priority' | 'budget'> {
  const maxSteps = numberFlag(flags, 'max-steps', { min: 0 })
  const session = textFlag(flags, 'session')
  const tenant = textFlag(flags, 'tenant')
  const priority = numberFlag(flags, 'priority', { min: 0 })
  return {
    ...(maxSteps !== undefined && { maxSteps }),
    ...(session !== undefined && { session }),
    ...(tenant !== undefined && { tenant }),
    ...(priority !== undefined && { priority }),
    budget: budgetOf(flags),
  }
}

/** What only a process that follows the run could do. */
function refuseWithDetach(flags: FlagValues): void {
  const name = ['record', 'wait'].find((flag) => flags[flag] !== undefined)
  if (name !== undefined) throw usageError(`--${name} has no use with --detach: another process runs the task`)
}

function budgetOf(flags: FlagValues): BudgetLimits {
  const costUsd = numberFlag(flags, 'budget-usd', { min: 0, fraction: true })
  const tokens = numberFlag(flags, 'budget-tokens', { min: 0 })
  const timeMs = secondsFlag(flags, 'timeout')
  return { ...(costUsd !== undefined && { costUsd }), ...(tokens !== undefined && { tokens }), ...(timeMs !== undefined && { timeMs }) }
}

async function taskOf(argument: string | undefined): Promise<string> {
  if ((argument === undefined || argument === '-') && process.stdin.isTTY) {
    throw usageError('a task is missing: troupe run "TASK", or give it on standard input')
  }
  const task = argument === undefined || argument === '-' ? await readInput() : argument
  if (task.trim() === '') throw usageError('the task is empty')
  return task.trimEnd()
}

async function contextOf(file: string | undefined): Promise<JsonObject | undefined> {
  if (file === undefined) return undefined
  const value = parseJson(await readText(file), `the context ${file}`)
  if (typeof value === 'object' && value !== null && !isList(value)) return value
  throw usageError(`the context ${file} is no JSON object: each key becomes a global variable`)
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new TroupeError('config/missing-file', `the context ${file} cannot be read: ${messageOf(error)}`, { cause: error })
  }
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value)
}
