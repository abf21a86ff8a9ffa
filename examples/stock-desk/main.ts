// `npm start`: the stock desk answers its question. Flags after `--`: --model ID, --base-url URL, --language NAME, --json.
import { relative } from 'node:path'
import { parseArgs } from 'node:util'
import { openRuntime, type Agent, type RunResult, type Runtime } from 'troupe'
import { sqlite } from 'troupe/engine/sqlite'
import { resolveModel } from 'troupe/models'
import type { Answer } from './answer.ts'
import { readPrices } from './prices.ts'
import { linesOf, linesOfAnswer } from './print.ts'
import { LANGUAGE, OUT_DIR, PRICES_FILE, SCRIPT_FILES, STORE_FILE } from './settings.ts'
import { QUESTION, stockDesk } from './stock-desk.ts'

const EXIT_CODES: Readonly<Record<RunResult['status'], number>> = { done: 0, limit: 3, cancelled: 130 }

interface Desk {
  readonly agent: Agent<Answer>
  readonly runtime: Runtime
  /** The script that plays the model's part. */
  readonly script: string | undefined
  readonly json: boolean
}

process.stdout.on('error', () => process.exit(0)) // whoever read has gone, as `head` does; the run can be resumed
process.exitCode = await main()

async function main(): Promise<number> {
  const desk = await openDesk().catch((error: unknown) => textOf(error))
  if (typeof desk === 'string') {
    console.error(desk)
    return 2
  }
  try {
    return await answer(desk)
  } finally {
    await desk.runtime[Symbol.asyncDispose]()
  }
}

/** Throws, with a message for the user, where a flag, a key or a file is missing or wrong: nothing has run by then. */
async function openDesk(): Promise<Desk> {
  const { values } = parseArgs({
    options: {
      model: { type: 'string' },
      'base-url': { type: 'string' },
      language: { type: 'string', default: LANGUAGE },
      json: { type: 'boolean' },
    },
  })
  const { language, 'base-url': baseUrl, json = false } = values
  if (language !== 'typescript' && language !== 'python') throw new Error(`--language ${language}: write typescript or python`)
  const script = SCRIPT_FILES[language]
  const { model: id = `script:${script}` } = values
  const model = await resolveModel(id, baseUrl === undefined ? {} : { baseUrl })
  const agent = stockDesk({ prices: await readPrices(PRICES_FILE), outDir: OUT_DIR, language }).withDefaults({ model })
  const runtime = await openRuntime({ engine: sqlite({ path: STORE_FILE }), agents: [agent] })
  return { agent, runtime, script: values.model === undefined ? script : undefined, json }
}

async function answer({ agent, runtime, script, json }: Desk): Promise<number> {
  const tell = json ? console.error : console.log
  if (script !== undefined) {
    tell(`The model's part is a script (${relative('.', script)}), everything else is real. With a real model:`)
    tell('npm start -- --model openai-compatible:NAME --base-url URL\n')
  }
  tell(QUESTION)

  const interrupt = new AbortController()
  process.once('SIGINT', () => interrupt.abort())
  const run = runtime.run(agent, QUESTION, { signal: interrupt.signal })
  for await (const event of run) {
    for (const line of json ? [JSON.stringify(event)] : linesOf(event)) console.log(line)
  }
  const code = await run.then(
    (result) => {
      if (result.status === 'done') tell(linesOfAnswer(result.output).join('\n'))
      else console.error(`\nThe run ended as '${result.status}': ${result.error?.message ?? 'no reason given'}`)
      return EXIT_CODES[result.status]
    },
    (error: unknown) => {
      console.error(`\nThe run failed: ${textOf(error)}`)
      return 1
    },
  )
  tell(`Run     ${run.id}, kept in ${STORE_FILE}: npx troupe runs show ${run.id}`)
  return code
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
}
