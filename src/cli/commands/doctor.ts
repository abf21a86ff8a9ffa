import { access, constants, readFile, stat } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { messageOf, TroupeError } from '../../errors/troupe-error.ts'
import { limitsOf } from '../../sandbox/limits.ts'
import type { Language, Sandbox } from '../../sandbox/sandbox.ts'
import type { Command, FlagValues } from '../command.ts'
import { loadConfig } from '../config.ts'
import { EXIT } from '../exit-code.ts'
import { textFlag } from '../flags.ts'
import { printJson, printLine } from '../output.ts'
import { SANDBOX_NAMES, sandboxOf } from '../sandboxes.ts'
import { STORE_FLAGS } from '../shared-flags.ts'
import { openStore, storeAddress } from '../stores.ts'
import { oneLine } from '../text.ts'

export const doctorCommand: Command = {
  usage: '',
  about: 'Tells what works on this machine: Node, sandboxes with their start times, store, model keys (names only), provider packages.',
  positionals: [0, 0],
  flags: STORE_FLAGS,

  async run({ flags }) {
    const findings = await examine(flags)
    if (flags['json']) await printJson(findings)
    else for (const line of linesOf(findings)) await printLine(line)
    return findings.ok ? EXIT.done : EXIT.failed
  },
}

/** Milliseconds: the first code of a fresh process of the pool, and the next session. */
interface SandboxFinding {
  readonly name: string
  readonly available: boolean
  readonly why?: string
  readonly isolation?: string
  readonly version?: string
  readonly languages?: readonly string[]
  readonly coldMs?: number
  readonly warmMs?: number
}

interface Findings {
  /** Whether the default setting works: Node, a sandbox, the store, the configuration. */
  readonly ok: boolean
  readonly version: string
  readonly node: { readonly version: string; readonly ok: boolean }
  readonly config: { readonly ok: boolean; readonly why?: string }
  readonly sandboxes: readonly SandboxFinding[]
  readonly store: { readonly url: string; readonly writable: boolean; readonly why?: string }
  readonly keys: readonly { readonly name: string; readonly present: boolean }[]
  readonly providers: readonly { readonly package: string; readonly present: boolean }[]
}

const NODE_MAJOR = 24

const KEYS = [
  'OPENAI_API_KEY',
  'OPENAI_BASE_URL',
  'OPENAI_COMPATIBLE_API_KEY',
  'ANTHROPIC_API_KEY',
  'MISTRAL_API_KEY',
  'GOOGLE_GENERATIVE_AI_API_KEY',
  'GEMINI_API_KEY',
  'AWS_BEARER_TOKEN_BEDROCK',
  'AWS_ACCESS_KEY_ID',
  'AWS_REGION',
  'AZURE_API_KEY',
  'AZURE_RESOURCE_NAME',
  'HUGGINGFACE_API_KEY',
  'HF_TOKEN',
]

const PROVIDERS = ['openai', 'anthropic', 'mistral', 'google', 'amazon-bedrock', 'azure', 'huggingface', 'openai-compatible']

async function examine(flags: FlagValues): Promise<Findings> {
  const sandboxes = []
  for (const name of SANDBOX_NAMES) sandboxes.push(await examineSandbox(name)) // one by one, so that none slows another's measure
  const config = await examineConfig(flags)
  const store = await examineStore(textFlag(flags, 'store') ?? config.store)
  const node = { version: process.versions.node, ok: Number.parseInt(process.versions.node, 10) >= NODE_MAJOR }
  const { version } = JSON.parse(await readFile(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string }
  return {
    ok: node.ok && config.finding.ok && store.writable && sandboxes.some(({ available }) => available),
    version,
    node,
    config: config.finding,
    sandboxes,
    store,
    keys: KEYS.map((name) => ({ name, present: (process.env[name]?.trim() ?? '') !== '' })),
    providers: PROVIDERS.map((name) => ({ package: `@ai-sdk/${name}`, present: isInstalled(`@ai-sdk/${name}`) })),
  }
}

async function examineSandbox(name: string): Promise<SandboxFinding> {
  try {
    const sandbox = await sandboxOf(name)
    await using _sandbox = { [Symbol.asyncDispose]: async () => (sandbox as Partial<AsyncDisposable>)[Symbol.asyncDispose]?.() }
    const [language = 'typescript'] = sandbox.languages
    const version = await sandbox.check?.(language)
    const coldMs = await startTime(sandbox)
    await warmed(sandbox, language)
    const warmMs = await startTime(sandbox)
    const { isolation } = sandbox.capabilities
    return { name, available: true, isolation, languages: sandbox.languages, ...(version !== undefined && { version }), coldMs, warmMs }
  } catch (error) {
    return { name, available: false, why: messageOf(error) }
  }
}

/** Waits for what a sandbox keeps ready, where it keeps something. */
async function warmed(sandbox: Sandbox & { warmUp?: (language: Language) => Promise<void> }, language: Language): Promise<void> {
  await sandbox.warmUp?.(language)
}

/** From opening a session to the end of its first code. Throws when the code does not give what it should. */
async function startTime(sandbox: Sandbox): Promise<number> {
  const [language = 'typescript'] = sandbox.languages
  const started = performance.now()
  await using session = await sandbox.open({ language, limits: limitsOf(), tools: [], context: {} })
  let preview = ''
  for await (const frame of session.execute('6 * 7', { step: 1, signal: AbortSignal.timeout(30_000), clock: 0, seed: 1 })) {
    if (frame.type === 'end') preview = frame.execution.type === 'value' ? frame.execution.preview : JSON.stringify(frame.execution)
  }
  if (preview !== '42') throw new TroupeError('sandbox/bad-value', `it made ${preview} of 6 * 7`)
  return Math.round((performance.now() - started) * 100) / 100
}

async function examineConfig(flags: FlagValues): Promise<{ readonly finding: Findings['config']; readonly store?: string }> {
  try {
    const { store } = await loadConfig(textFlag(flags, 'config'))
    return { finding: { ok: true }, ...(store !== undefined && { store }) }
  } catch (error) {
    return { finding: { ok: false, why: messageOf(error) } }
  }
}

/** Opens a store that is there; of one that is not, looks whether it could be made, and makes nothing. */
async function examineStore(given: string | undefined): Promise<Findings['store']> {
  let url = given ?? ''
  try {
    const address = storeAddress(given)
    url = address.url
    if (address.type === 'sqlite' && !existsSync(address.path)) await checkDirectory(existingAbove(address.path))
    else await (await openStore(address))[Symbol.asyncDispose]()
    return { url, writable: true }
  } catch (error) {
    return { url, writable: false, why: messageOf(error) }
  }
}

async function checkDirectory(path: string): Promise<void> {
  if (!(await stat(path)).isDirectory()) throw new TroupeError('config/missing-file', `${path} is no directory`)
  await access(path, constants.W_OK)
}

function existingAbove(path: string): string {
  const above = dirname(path)
  return existsSync(above) || above === path ? above : existingAbove(above)
}

function isInstalled(name: string): boolean {
  try {
    import.meta.resolve(name)
    return true
  } catch {
    return false
  }
}

function linesOf({ version, node, config, sandboxes, store, keys, providers }: Findings): string[] {
  const mark = (ok: boolean): string => (ok ? 'ok  ' : '--  ')
  const why = (reason: string | undefined): string => (reason === undefined ? '' : `: ${oneLine(reason)}`)
  const listed = (names: readonly string[]): string => (names.length === 0 ? 'none' : names.join(', '))
  return [
    `${mark(true)}troupe ${version}`,
    `${mark(node.ok)}node ${node.version}${node.ok ? '' : `, ${NODE_MAJOR} or newer is needed`}`,
    `${mark(config.ok)}configuration${why(config.why)}`,
    `${mark(store.writable)}store ${store.url}${why(store.why)}`,
    ...sandboxes.map(({ name, available, isolation, version: of, languages, coldMs, warmMs, why: reason }) =>
      available
        ? `${mark(true)}sandbox ${name}${of === undefined ? '' : ` ${of}`}: ${isolation}, ${listed(languages ?? [])}, first code in ${coldMs} ms cold, ${warmMs} ms warm`
        : `${mark(false)}sandbox ${name}${why(reason)}`,
    ),
    `    variables set: ${listed(keys.filter(({ present }) => present).map(({ name }) => name))}`,
    `    provider packages: ${listed(providers.filter(({ present }) => present).map((provider) => provider.package))}`,
  ]
}
