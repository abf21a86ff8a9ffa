import type { Agent } from '../../index.ts'
import { TroupeError } from '../../errors/troupe-error.ts'
import { teamDiagrams } from '../../orchestrator/diagram.ts'
import type { Command } from '../command.ts'
import { loadConfig } from '../config.ts'
import { EXIT } from '../exit-code.ts'
import { textFlag } from '../flags.ts'
import { printJson, printLine } from '../output.ts'
import { CONFIG_FLAG, JSON_FLAG } from '../shared-flags.ts'

export const agentsShowCommand: Command = {
  usage: 'NAME',
  about: 'Shows a configured agent. With --diagram: the state machines of a team as Mermaid.',
  positionals: [1, 1],
  flags: {
    diagram: { type: 'boolean', about: 'the state machines that a team runs by, as Mermaid' },
    config: CONFIG_FLAG,
    json: JSON_FLAG,
  },

  async run({ positionals: [name = ''], flags }) {
    const { agents = {} } = await loadConfig(textFlag(flags, 'config'))
    const agent = Object.hasOwn(agents, name) ? agents[name] : undefined
    if (!agent) {
      throw new TroupeError('config/unknown-agent', `no agent "${name}"; there are ${Object.keys(agents).join(', ') || 'none configured'}`)
    }
    if (flags['diagram']) await printDiagram(agent, flags['json'] === true)
    else await printAgent(agent, flags['json'] === true)
    return EXIT.done
  },
}

async function printDiagram({ name, kind }: Agent, isJson: boolean): Promise<void> {
  if (kind !== 'team')
    throw new TroupeError('config/invalid', `${name} is a ${kind} agent: only a team runs by state machines that can be drawn`)
  const { run, task } = teamDiagrams()
  if (isJson) return printJson({ run, task })
  for (const line of [...titled(`${name}, a run`, run), '', ...titled(`${name}, a task`, task)]) await printLine(line)
}

function titled(title: string, diagram: string): readonly string[] {
  return ['---', `title: ${title}`, '---', ...diagram.split('\n')]
}

async function printAgent({ name, kind, version, description, agents, toolNames = [] }: Agent, isJson: boolean): Promise<void> {
  const members = agents.map((agent) => agent.name)
  if (isJson) return printJson({ name, kind, version, description, agents: members, tools: toolNames })
  const rows = [
    ['name', name],
    ['kind', kind],
    ['version', version],
    ['for', description],
    ['agents', members.join(', ') || 'none'],
    ['tools', toolNames.join(', ') || 'none'],
  ]
  for (const [key = '', value = ''] of rows) await printLine(`${key.padEnd(8)} ${value}`)
}
