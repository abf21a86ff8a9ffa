import type { RunContext } from '../engine/context.ts'
import type { Limits } from '../sandbox/limits.ts'
import type { GuestFunction, Language, Sandbox, SandboxSession } from '../sandbox/sandbox.ts'
import type { JsonObject } from '../util/json.ts'

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

/** The sandbox session of one run in one activation: opened when code first needs it, thrown away when it is spoilt. */
export class RunSession {
  readonly #ctx: RunContext
  readonly #options: SessionOptions
  #session: SandboxSession | null = null
  /** The steps of code that made this world, oldest first: running them again makes it anew. */
  #steps: readonly CodeStep[] = []

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

  /** Notes a step that has become a part of this world. */
  ran(step: CodeStep): void {
    this.#steps = [...this.#steps, step]
  }

  /** Throws `sandbox/unavailable` when the machine cannot give the sandbox. */
  async open(): Promise<SandboxSession> {
    const { sandbox, language, limits, tools, context } = this.#options
    this.#session ??= await this.#ctx.own(() => sandbox.open({ language, limits, tools: tools(), context }))
    return this.#session
  }

  /** Ends the session and forgets its past: the next one begins with nothing. */
  async forget(): Promise<void> {
    this.#steps = []
    await this.discard()
  }

  /** Ends the session; the next `open` gives an empty one, which the caller fills by running the earlier steps again. */
  async discard(): Promise<void> {
    const session = this.#session
    this.#session = null
    await session?.[Symbol.asyncDispose]()
  }
}
