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

/** The sandbox session of one run in one activation: opened when code first needs it, thrown away when it is spoilt. */
export class RunSession {
  readonly #ctx: RunContext
  readonly #options: SessionOptions
  #session: SandboxSession | null = null

  constructor(ctx: RunContext, options: SessionOptions) {
    this.#ctx = ctx
    this.#options = options
  }

  /** Whether the world of the earlier steps is there. */
  get isOpen(): boolean {
    return this.#session !== null
  }

  /** Throws `sandbox/unavailable` when the machine cannot give the sandbox. */
  async open(): Promise<SandboxSession> {
    const { sandbox, language, limits, tools, context } = this.#options
    this.#session ??= await this.#ctx.own(() => sandbox.open({ language, limits, tools: tools(), context }))
    return this.#session
  }

  /** Ends the session; the next `open` gives an empty one, which the caller fills by running the earlier steps again. */
  async discard(): Promise<void> {
    const session = this.#session
    this.#session = null
    await session?.[Symbol.asyncDispose]()
  }
}
