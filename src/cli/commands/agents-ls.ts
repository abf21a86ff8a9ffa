import type { Command } from '../command.ts'
import { loadConfig } from '../config.ts'
import { EXIT } from '../exit-code.ts'
import { textFlag } from '../flags.ts'
import { printJson, printLine } from '../output.ts'
import { CONFIG_FLAG, JSON_FLAG } from '../shared-flags.ts'
import { oneLine, table } from '../text.ts'

export const agentsLsCommand: Command = {
  usage: '',
  about: 'Lists the agents that --agent takes.',
  positionals: [0, 0],
  flags: { config: CONFIG_FLAG, json: JSON_FLAG },

  async run({ flags }) {
    const { agents = {} } = await loadConfig(textFlag(flags, 'config'))
    const configured = Object.entries(agents).map(([key, { name, kind, version, description }]) => ({
      agent: key,
      name,
      kind,
      version,
      description,
    }))
    const rows = configured.length > 0 ? configured : [DEFAULT]
    if (flags['json']) for (const row of rows) await printJson(row)
    else {
      const cells = rows.map(({ agent, kind, version, description }) => [agent, kind, version, oneLine(description, 100)])
      for (const line of table([['AGENT', 'KIND', 'VERSION', 'FOR'], ...cells])) await printLine(line)
    }
    return EXIT.done
  },
}

/** What `troupe run` uses where nothing is configured. */
const DEFAULT = {
  agent: 'main',
  name: 'main',
  kind: 'code',
  version: '0.0.0',
  description: 'The default agent: solves the task by writing code.',
}
