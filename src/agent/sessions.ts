import type { RunContext } from '../engine/context.ts'
import type { Limits } from '../sandbox/limits.ts'
import type { GuestFunction, Language, OpenOptions, Sandbox, SandboxSession } from '../sandbox/sandbox.ts'
import { hash32 } from '../util/hash.ts'
import type { JsonObject } from '../util/json.ts'
import { type KeptSession, packKept, type StepPosition, unpackKept } from './kept-session.ts'

export interface SessionOptions {
  readonly sandbox: Sandbox
  readonly language: Language
  readonly limits: Limits
  readonly tools: () => readonly GuestFunction[]
  readonly context: JsonObject
}

/** One step of code, and the run that it belongs to. */
export interface CodeStep {
  readonly ctx: RunContext
  readonly step: number
  readonly code: string
}

/**
 * What a kept session knows of a step that comes again: `passed`, it is in its world; `restored`, the world is there and the
 * step has not begun; or where in the step it stood, and the session is there to go on.
 */
export type Recalled = 'passed' | 'restored' | StepPosition | null

/** The sandbox session of one run in one activation: opened when code first needs it, thrown away when it is spoilt. */
export class RunSession {
  readonly #ctx: RunContext
  readonly #options: SessionOptions
  #session: SandboxSession | null = null
  /** The steps of code that made this world, oldest first: running them again makes it anew. */
  #steps: readonly CodeStep[] = []
  /** What was kept when the run parked; undefined until somebody asks, null when it is of no use (any more). */
  #kept: KeptSession | null | undefined
  #running: { readonly step: CodeStep; position(): StepPosition | null } | null = null

  constructor(ctx: RunContext, options: SessionOptions) {
    this.#ctx = ctx
    this.#options = options
  }

  /** Whether the world of the earlier steps is there. */
  get isOpen(): boolean {
    return this.#session !== null
  }

  get steps(): readonly CodeStep[] {
    return this.#steps
  }

  /** Notes a step that begins to run; `position` says where in it the guest stands when it is quiet. */
  runs(step: CodeStep, position: () => StepPosition | null): void {
    this.#running = { step, position }
  }

  /** Notes a step that has become a part of this world. */
  ran(step: CodeStep): void {
    this.#running = null
    this.#steps = [...this.#steps, step]
  }

  /** Throws `sandbox/unavailable` when the machine cannot give the sandbox. */
  async open(): Promise<SandboxSession> {
    this.#session ??= await this.#opened()
    return this.#session
  }

  /** Asks what was kept about the step that comes next, and opens the session from it where that is due. */
  async recall(step: CodeStep, hasEnded: boolean): Promise<Recalled> {
    const kept = await this.#look()
    if (kept === null || this.isOpen) return null
    const { steps, at, snapshot } = kept
    const place = this.#steps.length
    const isSame = [...this.#steps, step].every((one, index) => index === steps.length || nameOfStep(one) === steps[index])
    const isMiddle = at !== null && place === steps.length - 1
    if (!isSame || place > steps.length || (at !== null && place === steps.length)) return this.#giveUp()
    if (place < steps.length && !isMiddle) return hasEnded ? 'passed' : this.#giveUp()
    this.#kept = null
    try {
      this.#session = await this.#opened({ snapshot })
    } catch {
      return null // Another version, other limits, damage: the steps are run again.
    }
    return at ?? 'restored'
  }

  /** Ends the session and forgets its past: the next one begins with nothing. */
  async forget(): Promise<void> {
    this.#steps = []
    this.#kept = null
    await this.discard()
  }

  /** Ends the session; the next `open` gives an empty one, which the caller fills by running the earlier steps again. */
  async discard(): Promise<void> {
    const session = this.#session
    this.#session = null
    this.#running = null
    await session?.[Symbol.asyncDispose]()
  }

  async #opened(from: Pick<OpenOptions, 'snapshot'> = {}): Promise<SandboxSession> {
    const { sandbox, language, limits, tools, context } = this.#options
    const owned = await this.#ctx.own(async () => {
      const session = await sandbox.open({ language, limits, tools: tools(), context, ...from })
      return { session, park: () => this.#keep(session), [Symbol.asyncDispose]: () => session[Symbol.asyncDispose]() }
    })
    return owned.session
  }

  async #look(): Promise<KeptSession | null> {
    if (this.#kept === undefined) {
      const { snapshot } = this.#ctx
      const bytes = snapshot && this.#options.sandbox.capabilities.snapshots ? await this.#ctx.during(() => snapshot.get()) : null
      this.#kept = bytes && unpackKept(bytes)
    }
    return this.#kept
  }

  #giveUp(): null {
    this.#kept = null
    return null
  }

  /** Keeps the world of a run that parks, if it is worth it. It is a cache: rejects where that cannot be, and nobody is worse off. */
  async #keep(session: SandboxSession): Promise<void> {
    const place = this.#ctx.snapshot
    if (place === undefined || session !== this.#session) return
    const running = this.#running
    const at = running?.position() ?? null
    if (running !== null && at === null) return
    const steps = [...this.#steps, ...(running ? [running.step] : [])].map(nameOfStep)
    // What was read above and the copy are of one moment: nothing is awaited between them.
    const snapshot = await session.snapshot()
    if (snapshot !== null) await place.put(packKept({ snapshot, steps, at }))
  }
}

/** What tells one step of code from another: its run, its number, its code. */
function nameOfStep({ ctx, step, code }: CodeStep): string {
  return `${ctx.runId}:${step}:${hash32(code)}`
}
