import type { Agent, RunOptions } from 'troupe'
import { resolveModel, scriptModel, type LanguageModel } from 'troupe/models'

/**
 * The model that `MODEL` names (`MODEL=openai:gpt-5-mini node examples/02-tools.ts`; `OPENAI_BASE_URL` for a server of
 * your own), else one that gives these answers in turn, so that an example runs offline.
 */
export async function exampleModel(...answers: readonly string[]): Promise<LanguageModel> {
  const id = process.env['MODEL']
  return id ? resolveModel(id) : scriptModel([{ turns: answers.map((content) => ({ content })) }])
}

/** The same for a member of a team: one answer at first, another when that was turned down. */
export async function repairingModel(first: string, then: string): Promise<LanguageModel> {
  const id = process.env['MODEL']
  return id ? resolveModel(id) : scriptModel([{ when: 'earlier attempts', turns: [{ content: then }] }, { turns: [{ content: first }] }])
}

/** An answer of the model that is all code. */
export function code(text: string): string {
  return '```ts\n' + text.trim() + '\n```'
}

/** What each example exports, so that the tests can also run it crashed after every entry of its log. */
export interface Example {
  readonly agent: Agent
  readonly task: string
  readonly options?: RunOptions
}
