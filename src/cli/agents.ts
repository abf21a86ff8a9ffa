import { isNowhere, nowhereError } from '../agent/remote.ts'
import type { RunView } from '../engine/run.ts'
import { TroupeError } from '../errors/troupe-error.ts'
import { codeAgent, type Agent, type AgentDefaults, type AnyTool, type LanguageModel, type TroupeConfig } from '../index.ts'
import type { Language, Sandbox } from '../sandbox/sandbox.ts'
import { closest } from '../schema/closest.ts'
import { brokerOf, type Broker } from './broker.ts'
import type { FlagValues } from './command.ts'
import { listFlag, textFlag, usageError } from './flags.ts'
import { languageOf, sandboxFor, sandboxOf } from './sandboxes.ts'

/** Agents with what flags and configuration give to those that name no model, sandbox or limits themselves. */
export interface Cast {
  /** By the name that `--agent` takes. */
  readonly agents: Readonly<Record<string, Agent>>
  /** The one that is meant: by `--agent`, else the only one, else `main`. Throws `config/unknown-agent`. */
  chosen(name: string | undefined): Agent
  /** Null where the configuration names none. */
  readonly broker: Broker | null
}

/** The configured agents, or the default agent where none is. Models are resolved here, before anything runs; `standIn` is for those that none is named for. */
export async function castOf(config: TroupeConfig, flags: FlagValues, standIn?: LanguageModel): Promise<Cast> {
  const language = languageOf(textFlag(flags, 'language'))
  const model = await modelOf(config, flags)
  const sandbox = await sandboxNamed(config, flags, language)
  const given = model ?? standIn
  const broker = await brokerOf(config)
  const tools = toolsNamed(config, listFlag(flags, 'tools'))
  const agents =
    config.agents && Object.keys(config.agents).length > 0 ? config.agents : { main: await defaultAgent(tools, language, sandbox, given) }
  return castWith(agents, broker, {
    ...(given && { model: given }),
    ...(sandbox && { sandbox }),
    ...(config.minimumIsolation && { minimumIsolation: config.minimumIsolation }),
    ...(config.limits && { limits: config.limits }),
    ...(config.prices && { prices: config.prices }),
    ...(broker?.remote && { remote: broker.remote.placement }),
    // A tape holds the answers of all agents of its run: one that names its own model must not ask it in a replay.
    ...(model && textFlag(flags, 'model')?.startsWith('tape:') && { wrapModel: () => model }),
  })
}

/** The same cast, with all that its models answer written to a tape, if there is to be one. Throws `config/invalid` where that cannot be written. */
export async function recorded(cast: Cast, file: string | undefined, options: { readonly append: boolean }): Promise<Cast> {
  if (file === undefined) return cast
  const { recordingModel, tapeFile } = await import('../models.ts')
  const sink = tapeFile(file, options)
  return castWith(cast.agents, cast.broker, { wrapModel: (model) => recordingModel(model, sink) })
}

function castWith(agents: Readonly<Record<string, Agent>>, broker: Broker | null, defaults: AgentDefaults): Cast {
  const cast = Object.fromEntries(Object.entries(agents).map(([name, agent]) => [name, agent.withDefaults(defaults)]))
  return { agents: cast, chosen: (name) => choose(cast, name), broker }
}

/** The configured tools, or those of them that `--tools` names. Throws `config/invalid`. */
function toolsNamed({ tools, agents }: TroupeConfig, names: readonly string[] | undefined): readonly AnyTool[] | undefined {
  if (names === undefined) return tools
  if (agents && Object.keys(agents).length > 0)
    throw usageError('--tools chooses for the default agent; the configured agents have tools of their own')
  const known = (tools ?? []).map((tool) => tool.name)
  return names.map((name) => {
    const tool = tools?.find((other) => other.name === name)
    if (tool) return tool
    const meant = closest(name, known)
    const there = known.length === 0 ? 'the configuration has none' : `there are ${known.join(', ')}`
    throw usageError(`no tool "${name}"${meant === undefined ? '' : `, did you mean ${meant}?`}; ${there}`)
  })
}

async function modelOf(config: TroupeConfig, flags: FlagValues): Promise<LanguageModel | undefined> {
  const baseUrl = textFlag(flags, 'base-url')
  const model = textFlag(flags, 'model') ?? config.model
  if (typeof model === 'string') return (await import('../models.ts')).resolveModel(model, baseUrl === undefined ? {} : { baseUrl })
  if (baseUrl !== undefined) throw usageError('--base-url needs a model id, as --model or in the configuration')
  return model
}

async function sandboxNamed(config: TroupeConfig, flags: FlagValues, language: Language | undefined): Promise<Sandbox | undefined> {
  const sandbox = await sandboxGiven(textFlag(flags, 'sandbox') ?? config.sandbox, language)
  if (sandbox) await sandbox.check?.(language ?? sandbox.languages[0] ?? 'typescript') // Before anything is begun.
  return sandbox
}

async function sandboxGiven(named: Sandbox | string | undefined, language: Language | undefined): Promise<Sandbox | undefined> {
  if (named !== undefined && typeof named !== 'string') return named
  if (language !== undefined) return sandboxFor(language, named)
  return named === undefined ? undefined : sandboxOf(named)
}

async function defaultAgent(
  tools: readonly AnyTool[] | undefined,
  language: Language = 'typescript',
  sandbox: Sandbox | undefined,
  model: LanguageModel | undefined,
): Promise<Agent> {
  if (!model) {
    throw usageError(
      'no model: name one with --model (such as openai:gpt-5, or openai-compatible:NAME with --base-url) or in troupe.config.ts',
    )
  }
  return codeAgent({
    name: 'main',
    description: 'Solves the task by writing code.',
    language,
    sandbox: sandbox ?? (await sandboxFor(language, undefined)),
    ...(tools && { tools }),
  })
}

function choose(agents: Readonly<Record<string, Agent>>, name: string | undefined): Agent {
  const names = Object.keys(agents)
  const wanted = name ?? (names.length === 1 ? names[0] : 'main') ?? 'main'
  const agent = Object.hasOwn(agents, wanted) ? agents[wanted] : undefined
  if (agent) return agent
  const list = names.join(', ')
  if (name === undefined) throw new TroupeError('config/unknown-agent', `which agent? Name one of ${list} with --agent, or call one main`)
  const meant = closest(name, names)
  throw new TroupeError(
    'config/unknown-agent',
    `no agent "${name}"${meant === undefined ? '' : `, did you mean ${meant}?`}; there are ${list}`,
  )
}

/** An agent and all that it may call, at any depth. */
export function treeOf(agent: Agent): readonly Agent[] {
  return [agent, ...agent.agents.flatMap(treeOf)]
}

/** Throws `config/invalid` when one of them is said to run elsewhere, and nothing says where. */
export function checkPlaced(agents: readonly Agent[]): void {
  const lost = agents.flatMap(treeOf).find(isNowhere)
  if (lost) throw nowhereError(lost.name)
}

/** Throws `config/unknown-agent` when the agent of a run that has begun is not there. */
export function checkAgent(cast: Cast, { runId, agent }: Pick<RunView, 'runId' | 'agent'>): void {
  const names = Object.values(cast.agents).map(({ name }) => name)
  if (names.includes(agent)) return
  throw new TroupeError(
    'config/unknown-agent',
    `run ${runId} is of agent '${agent}', which is not configured here; there are ${names.join(', ')}`,
  )
}
