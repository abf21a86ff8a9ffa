import type { Flag } from './command.ts'

/** Flags that several commands have, each said once. */
export const JSON_FLAG: Flag = { type: 'boolean', about: 'machine-readable: JSON lines on standard output' }
export const CONFIG_FLAG: Flag = {
  type: 'string',
  value: 'FILE',
  about: 'the configuration; default ./troupe.config.ts where there is one',
}
const STORE_FLAG: Flag = {
  type: 'string',
  value: 'URL',
  about: "memory:, sqlite:PATH or postgres://…; default: the configuration's, else sqlite:.troupe/troupe.db",
}
export const LANGUAGE_FLAG: Flag = { type: 'string', value: 'NAME', about: 'typescript (default) or python' }
export const SANDBOX_FLAG: Flag = { type: 'string', value: 'NAME', about: 'where code runs; default: the light sandbox of the language' }

export const STORE_FLAGS: Readonly<Record<'config' | 'store' | 'json', Flag>> = { config: CONFIG_FLAG, store: STORE_FLAG, json: JSON_FLAG }

/** What `run` and `resume` take to give an agent what it does not name itself. */
export const AGENT_FLAGS: Readonly<Record<'model' | 'base-url' | 'language' | 'sandbox', Flag>> = {
  model: { type: 'string', value: 'ID', about: 'such as openai:gpt-5 or openai-compatible:NAME; for agents that name none' },
  'base-url': { type: 'string', value: 'URL', about: 'where the model is served' },
  language: LANGUAGE_FLAG,
  sandbox: SANDBOX_FLAG,
}

export const RECORD_FLAG: Flag = {
  type: 'string',
  value: 'TAPE',
  about: 'writes what models answer to a file that --model tape:FILE replays',
}

export const WAIT_FLAG: Flag = { type: 'string', value: 'SECONDS', about: 'how long to stay when the run waits for an answer' }
