import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { GuestSession } from './guest-session.ts'
import { messageOf } from '../../errors/troupe-error.ts'
import { unpackImage } from './image.ts'
import { prepare } from './prepare.ts'
import { type Command, isTurn, type Kept, packReport, READY, type Report, type Restored, unpackReply, type WorkerData } from './protocol.ts'
import { createVm, restoreVm, type Vm } from './vm.ts'

const { wasm, defences, bell } = workerData as WorkerData
const port = parentPort
// plain error: nobody is there to read a code
if (port === null) throw new Error('the worker of the quickjs sandbox was started outside a worker thread')

const sessions = new Map<number, GuestSession>()
/** One interpreter is kept ready, because making one takes some milliseconds. */
const spares: Vm[] = []
const inbox: Command[] = []
let isRunning = false
/** After a crash of the type stripper no code can be prepared here: the host ends this thread, and nothing may be answered wrongly until it does. */
let isBroken = false

/**
 * After a turn the answer of a call or the next step is mostly near. To wait for it asleep on the bell takes half the CPU
 * time of a turn of the event loop; a thread that is ended, or asked for its CPU time, is woken.
 */
const SLEEP_MS = 20
/** So many turns without the event loop, and it gets its own: the engine has work of its own there. */
const TURNS_ASLEEP = 1_000

/** Reports of a session's turns that follow each other at once leave together, but wait no longer than this. */
const LONGEST_HELD_MS = 0.5

/** Reports that have not left yet, all of the session whose turn comes next: the host must know whose does not end. */
let reports: (Report | string)[] = []
let heldSince = 0

/** Turns are run strictly in the order of the commands. */
async function run(): Promise<void> {
  isRunning = true
  let asleep = 0
  for (let command = inbox.shift(); command !== undefined && !isBroken; command = inbox.shift()) {
    if (command.type === 'open') await open(command)
    else if (command.type === 'restore') await restore(command)
    else handle(command)
    // A thread without a spare interpreter has something to do meanwhile.
    if (inbox.length === 0 && isTurn(command) && !isBroken && spares.length > 0 && asleep++ < TURNS_ASLEEP) sleep()
  }
  isRunning = false
  if (spares.length === 0) {
    setImmediate(() => {
      refill().catch(fail)
    })
  }
}

/** Waits for the next message for a while, and takes it. */
function sleep(): void {
  for (;;) {
    const rung = Atomics.load(bell, 0)
    const received = receiveMessageOnPort(port as MessagePort) as { message: Command[] | string } | undefined
    if (received !== undefined) return take(received.message)
    if (Atomics.wait(bell, 0, rung, SLEEP_MS) === 'timed-out') return
  }
}

function take(message: Command[] | string): void {
  if (typeof message === 'string') inbox.push(unpackReply(message))
  else inbox.push(...message)
}

async function open(command: Extract<Command, { type: 'open' }>): Promise<void> {
  try {
    sessions.set(command.id, new GuestSession(spares.pop() ?? (await createVm(wasm, defences)), command, defences, send))
  } catch {
    // Not even tools and context fit in its memory: its first turn says so, and its neighbours know nothing of it.
  }
}

async function restore(command: Extract<Command, { type: 'restore' }>): Promise<void> {
  let error: string | null = null
  try {
    const { state, image } = unpackImage(command.image)
    const { vm, main } = await restoreVm(wasm, defences, image)
    sessions.set(command.id, new GuestSession(vm, command, defences, send, { state, main }))
  } catch (thrown) {
    error = messageOf(thrown)
  }
  port?.postMessage({ restored: command.id, error } satisfies Restored)
}

/** A copy is a cache: where none can be made, the session goes on without. */
function keep(session: GuestSession | undefined, afterMs: number): Uint8Array | null {
  try {
    return session?.keep(afterMs) ?? null
  } catch {
    return null
  }
}

function handle(command: Exclude<Command, { type: 'open' | 'restore' }>): void {
  const session = sessions.get(command.id)
  switch (command.type) {
    case 'close':
      sessions.delete(command.id)
      session?.dispose()
      return
    case 'keep':
      port?.postMessage({ kept: command.id, image: keep(session, command.afterMs) } satisfies Kept)
      return
    case 'execute':
    case 'reply': {
      const report =
        session === undefined ? unopened(command.id) : command.type === 'execute' ? session.execute(command) : session.reply(command)
      isBroken = report.unfit === 'terminate'
      hold(report)
    }
  }
}

function hold(report: Report): void {
  if (reports.length === 0) heldSince = performance.now()
  reports.push(packReport(report))
  const [next] = inbox
  if (isBroken || next?.type !== 'reply' || next.id !== report.id || performance.now() - heldSince > LONGEST_HELD_MS) send()
}

/** Also called from within a turn that is no short one. */
function send(): void {
  if (reports.length === 0) return
  port?.postMessage(reports.length === 1 ? reports[0] : reports)
  reports = []
}

function unopened(id: number): Report {
  return { id, text: '', stop: 'memory', error: null, fuel: 0, cpuMs: 0, line: null, unfit: null }
}

/** Not even an interpreter can be made: the thread ends, and its host tells every session in it. */
function fail(error: unknown): never {
  throw error
}

async function refill(): Promise<void> {
  if (spares.length === 0 && !isRunning) spares.push(await createVm(wasm, defences))
}

port.on('message', (message: Command[] | string) => {
  take(message)
  if (!isRunning) run().catch(fail)
})

// The first use of the type stripper and of the interpreter costs some 20 ms: not in anyone's first step.
prepare('const warm: number = 1; warm', { fixedNames: new Map(), sourceLimits: true })
await refill()
port.postMessage(READY)
