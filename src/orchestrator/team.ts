import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Agent, AgentDefaults, Check, OutputOf } from '../agent/agent.ts'
import { checkBudget, checkKeys, checkWhole } from '../agent/check-limits.ts'
import { agentsOf, mergedDefaults, type AgentHost } from '../agent/create-agent.ts'
import { TroupeError } from '../errors/troupe-error.ts'
import { checkName, checkNames } from '../tools/names.ts'
import { ALL_TEAM_DEFENCES, type TeamDefences } from './defences.ts'
import { FIXED_LIMITS, TEAM_LIMITS } from './limits.ts'
import { memberOf } from './member.ts'
import type { AnyTeamOptions, Role, TeamOptions } from './options.ts'
import { TEAM_PROMPTS_VERSION } from './prompts/role.prompt.ts'
import { runTeam } from './run-team.ts'
import type { TeamSpec } from './team-run.ts'

/** Makes a team, which is an agent. Throws `config/invalid`, `tool/bad-name` and `tool/name-clash`; starts nothing. */
export function createTeam<const Members extends readonly Agent[], Output extends StandardSchemaV1 | undefined, const Name extends string>(
  host: AgentHost,
  options: TeamOptions<Members, Output, Name>,
): Agent<OutputOf<Output>, Name> {
  return teamWith(ALL_TEAM_DEFENCES, host, options)
}

/** For tests alone: a team with some defences switched off. */
export function teamWith<const Members extends readonly Agent[], Output extends StandardSchemaV1 | undefined, const Name extends string>(
  defences: TeamDefences,
  host: AgentHost,
  options: TeamOptions<Members, Output, Name>,
): Agent<OutputOf<Output>, Name> {
  // Roles that know the literal names of the members fit where any names may come: they only ever see these members.
  return build({ host, defences }, options as AnyTeamOptions & { readonly name: Name }, {})
}

/** What all teams that are made of one have in common. */
interface TeamGround {
  readonly host: AgentHost
  readonly defences: TeamDefences
}

function build<Output, Name extends string>(
  ground: TeamGround,
  options: AnyTeamOptions & { readonly name: Name },
  defaults: AgentDefaults,
): Agent<Output, Name> {
  checkOptions(options)
  const spec = specOf(options, defaults, ground.defences)
  const members = [...spec.members.values()]
  const agent: Agent<Output, Name> = {
    kind: 'team',
    name: options.name,
    description: options.description,
    version: options.version ?? '0.0.0',
    agents: members,
    ...(options.budget && { budget: options.budget }),
    promptVersion: `team.${TEAM_PROMPTS_VERSION}`,
    ...(spec.asker.model && { modelId: spec.asker.model.modelId }),
    spreads: members.some((member) => member.placement !== undefined || member.spreads === true),
    activate: (input, ctx) => {
      checkWhole(options.name, 'maxSteps of the run', input.maxSteps, 0)
      checkBudget(options.name, input.budget)
      return runTeam(spec, input, ctx)
    },
    run: (task, runOptions) => ground.host.runtime().run(agent, task, runOptions),
    withDefaults: (further) => build(ground, options, mergedDefaults(defaults, further)),
  }
  return agent
}

function specOf(options: AnyTeamOptions, defaults: AgentDefaults, defences: TeamDefences): TeamSpec {
  const model = options.model ?? defaults.model
  const asker = {
    name: options.name,
    model: model && defaults.wrapModel ? defaults.wrapModel(model) : model,
    maxOutputTokens: undefined,
    prices: { ...defaults.prices, ...options.prices },
    hooks: {},
  }
  // Members without a model of their own take the team's.
  const given = { ...defaults, ...(options.model && { model: options.model }) }
  const agents = agentsOf(options.agents, given)
  const roles = rolesWith(options, given)
  const members = agents.map((agent) => memberOf(agent, { members: agents, asker, defences }))
  const maxAttempts = options.maxAttempts ?? TEAM_LIMITS.maxAttempts
  const maxRounds = options.maxRounds ?? TEAM_LIMITS.maxRounds
  return {
    options: { ...options, ...roles },
    asker,
    members: new Map(members.map((member) => [member.name, member])),
    views: agents.map(({ name, description, toolNames }) => ({
      name,
      description,
      tools: toolNames ?? null,
      skills: options.skills?.[name] ?? [],
    })),
    // Each check gets only answers that the team's own schema has passed: that is what its parameter is typed by.
    checks: (options.checks ?? []) as readonly Check[],
    caps: {
      run: {
        rounds: maxRounds,
        replans: maxRounds - 1,
        plans: FIXED_LIMITS.plans,
        answers: FIXED_LIMITS.answers,
        waits: FIXED_LIMITS.waits,
      },
      task: { attempts: maxAttempts, handOvers: FIXED_LIMITS.handOvers, investigations: FIXED_LIMITS.investigations },
    },
    maxParallel: options.maxParallel ?? TEAM_LIMITS.maxParallel,
    maxTasks: options.maxTasks ?? TEAM_LIMITS.maxTasks,
    maxSteps: options.maxSteps ?? TEAM_LIMITS.maxSteps,
    taskTimeMs: options.taskTimeMs ?? FIXED_LIMITS.taskTimeMs,
    needsEvidence: (options.evidence ?? 'required') === 'required',
    defences,
  }
}

const ROLES = ['router', 'architect', 'reviewer', 'investigator', 'synthesizer'] as const

function rolesWith(options: AnyTeamOptions, defaults: AgentDefaults): Partial<AnyTeamOptions> {
  if (Object.keys(defaults).length === 0) return {}
  const given = ROLES.flatMap((name) => {
    const role = options[name] as Role<unknown, unknown> | undefined
    return role && typeof role !== 'function' ? [[name, role.withDefaults(defaults)] as const] : []
  })
  return Object.fromEntries(given)
}

const KEYS: readonly (keyof AnyTeamOptions)[] = [
  'name',
  'description',
  'version',
  'model',
  'agents',
  ...ROLES,
  'criteria',
  'skills',
  'output',
  'checks',
  'maxRounds',
  'maxAttempts',
  'maxParallel',
  'memberCaps',
  'maxTasks',
  'maxSteps',
  'taskTimeMs',
  'budget',
  'prices',
  'evidence',
  'approvals',
  'askUser',
  'askMembers',
]

function checkOptions(options: AnyTeamOptions): void {
  const { name, description, agents } = options
  checkName(name, 'agent')
  checkKeys(`team '${name}'`, options, KEYS)
  if (typeof description !== 'string' || description.trim() === '') {
    throw new TroupeError('config/invalid', `team '${name}': description must be a text that says what it is for`)
  }
  if (!Array.isArray(agents) || agents.length === 0)
    throw new TroupeError('config/invalid', `team '${name}' has no members: name at least one agent`)
  checkNames([name, ...options.agents.map((agent) => agent.name)].map((one) => ({ name: one, kind: 'agent' })))
  for (const key of ['maxRounds', 'maxAttempts', 'maxParallel', 'maxTasks', 'maxSteps', 'taskTimeMs'] as const)
    checkWhole(name, key, options[key], 1)
  const names = options.agents.map((agent) => agent.name)
  for (const key of ['skills', 'memberCaps'] as const) checkKeys(`team '${name}': ${key}`, options[key] ?? {}, names)
  for (const [member, cap] of Object.entries(options.memberCaps ?? {})) checkWhole(name, `memberCaps.${member}`, cap, 1)
  checkBudget(name, options.budget)
}
