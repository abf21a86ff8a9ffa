import type { JsonObject } from '../../util/json.ts'
import type { ChildOutcome, RemoteTask } from '../context.ts'
import { bad, fieldsOf, type Fields, type Shape } from './fields.ts'
import type { Outgoing } from './link.ts'
import { agentQueue, askQueue } from './settings.ts'

/** Of messages between stores; a receiver refuses what is newer than it knows. */
const WIRE_VERSION = 1

const TASK = {
  version: 'number!',
  run: 'words!',
  parentRun: 'words!',
  agent: 'words!',
  input: 'object!',
  tenant: 'text',
} as const satisfies Shape
const INPUT = {
  task: 'text!',
  context: 'object',
  images: 'texts',
  maxSteps: 'number',
  session: 'text',
  freshSandbox: 'flag',
  budget: 'numbers',
} as const satisfies Shape
const RESULT = { version: 'number!', run: 'words!', parentRun: 'words!', outcome: 'object!' } as const satisfies Shape
const ASK = { version: 'number!', run: 'words!', parentRun: 'words!', key: 'words!', answerTo: 'words!' } as const satisfies Shape
const STOP = { version: 'number!', key: 'words!', reason: 'text!' } as const satisfies Shape

/** How a run that was called stands to its caller. */
export interface Called {
  readonly run: string
  readonly parentRun: string
}

/** A worker asks whether `run` is still waited for; `key` is its own name for it. */
export interface Ask extends Called {
  readonly key: string
  readonly answerTo: string
}

export function taskMessage(task: RemoteTask, replyTo: string): Outgoing {
  const options = { messageId: task.run, correlationId: task.run, replyTo, type: 'troupe.task' }
  return message(agentQueue(task.agent), { ...task }, options, true)
}

export function resultMessage({ run, parentRun }: Called, outcome: ChildOutcome, replyTo: string): Outgoing {
  return message(replyTo, { run, parentRun, outcome }, { messageId: run, correlationId: run, type: 'troupe.result' }, true)
}

export function askMessage(ask: Ask, replyTo: string): Outgoing {
  return message(askQueue(replyTo), { ...ask }, { messageId: ask.run, type: 'troupe.ask', persistent: false }, false)
}

export function stopMessage(ask: Ask, reason: string): Outgoing {
  return message(ask.answerTo, { key: ask.key, reason }, { messageId: ask.run, type: 'troupe.stop', persistent: false }, false)
}

function message(routingKey: string, body: object, options: Outgoing['options'], mustArrive: boolean): Outgoing {
  const content = Buffer.from(JSON.stringify({ version: WIRE_VERSION, ...body }))
  return { exchange: '', routingKey, content, options: { contentType: 'application/json', ...options }, mustArrive }
}

/** These throw `amqp/bad-message`. */
export function parseTask(content: Buffer): RemoteTask {
  const { run, parentRun, agent, tenant, input } = fieldsIn(content, TASK)
  const checked = fieldsOf(Buffer.from(JSON.stringify(input)), INPUT)
  const given = { run, parentRun, agent, input: checked }
  return tenant === undefined ? given : { ...given, tenant }
}

export function parseResult(content: Buffer): Called & { readonly outcome: JsonObject } {
  const { run, parentRun, outcome } = fieldsIn(content, RESULT)
  return { run, parentRun, outcome }
}

export function parseAsk(content: Buffer): Ask {
  const { run, parentRun, key, answerTo } = fieldsIn(content, ASK)
  return { run, parentRun, key, answerTo }
}

export function parseStop(content: Buffer): { readonly key: string; readonly reason: string } {
  const { key, reason } = fieldsIn(content, STOP)
  return { key, reason }
}

function fieldsIn<const S extends Shape & { readonly version: 'number!' }>(content: Buffer, shape: S): Fields<S> {
  const fields = fieldsOf(content, shape)
  const version: unknown = Reflect.get(fields, 'version')
  if (version !== WIRE_VERSION)
    throw bad(`the message is of version ${String(version)}, and this Troupe reads version ${WIRE_VERSION}: bring the older one up to date`)
  return fields
}
