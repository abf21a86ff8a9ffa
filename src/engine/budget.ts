import type { EntryBodies } from '../client/entry.ts'
import type { Usage } from '../client/usage.ts'
import { TroupeError } from '../errors/troupe-error.ts'
import { detach } from '../util/detach.ts'
import { capsOf, least, left, minus, NOTHING, plus, spentBy } from './amounts.ts'
import type { LedgerScope } from './ledger.ts'
import { isInTree } from '../util/run-id.ts'
import { LEDGER_POLL_MS, leftTogether, type SharedBudget, takeTogether, ticketFor } from './spent-together.ts'
import type { Amounts, BudgetLimits, Spent } from './spending.ts'

export type { BudgetLimits, Spent } from './spending.ts'

/** One model call, asked for before it is made. Prices are USD per million tokens; null: not known. */
export interface BudgetRequest {
  readonly inputTokens: number
  readonly maxOutputTokens: number
  /** For messages. */
  readonly model?: string
  readonly price: { readonly input: number; readonly output: number } | null
}

/** Room that is held for one model call. */
export interface Reservation {
  /** What the call may write: as asked, or less where less is left. */
  readonly maxOutputTokens: number
  /** Replaces what was held by what was used; resolves when the store has it, where that keeps budgets. */
  settle(usage: Usage): Promise<void>
  /** Gives back what is still held; after `settle` it does nothing. */
  release(): void
}

/** The agent's side of a budget. */
export interface Budget {
  readonly isLimited: boolean
  readonly spent: Spent
  /** How it stands, as the `budget` event tells it. */
  state(): EntryBodies['budget']
  /**
   * Holds room in this run's budget and in all above it. Waits while siblings hold what is missing; lowers
   * `maxOutputTokens` when even alone it does not fit. Throws `budget/spent`, and `config/invalid` for an unknown price.
   */
  reserve(request: BudgetRequest, signal: AbortSignal): Promise<Reservation>
  /**
   * Counts tool calls that are about to start, bad ones too. Throws `budget/spent`, taking none, when so many are not left.
   * Gives a promise only where other activations count theirs to the same cap; `signal` ends the wait for those that hold some.
   */
  takeToolCalls(count: number, signal?: AbortSignal): Promise<void> | undefined
}

/** Room that is held for an agent whose calls are made in another store. */
export interface Loan {
  /** What the agent may use: as asked, or less where less is left; without caps where nothing is capped. */
  readonly limits: LoanLimits
  /** Under which it is charged in the store, where that keeps budgets. */
  readonly ticket: string | undefined
  /** Replaces what was held by what the agent says that it has used. Charged once, however often, and in whatever activation. */
  settle(usage: Usage): Promise<void>
  /** Gives back what is still held; after `settle` it does nothing. */
  release(): void
}

export type LoanLimits = Amounts

/** Who is to be lent something: the run in another store, and what it asks for. */
export interface Borrower {
  readonly run: string
  readonly asked: BudgetLimits
  /** Marks a wait for other processes, which nobody but this activation ends. */
  during?<T>(work: () => Promise<T>): Promise<T>
}

/** Fewer tokens are no room for an answer. */
const MIN_OUTPUT_TOKENS = 256

/** The budget of one run in its tree: every amount counts for the run and for all runs above it. */
export class TreeBudget implements Budget {
  readonly #limits: BudgetLimits
  readonly #parent: TreeBudget | null
  /** Calls that wait for siblings to settle; kept at the root. */
  readonly #waiting = new Set<() => void>()
  #spent: Spent
  #held: Spent = NOTHING
  /** Held by loans of an earlier activation that nobody has asked for again yet, by the run that has them. */
  readonly #kept = new Map<string, Spent>()
  /** What loans hold of what is spent together; kept at the root. */
  #lentOut: Spent = NOTHING

  readonly #shared: SharedBudget | undefined

  constructor(limits: BudgetLimits, spent: Spent = NOTHING, parent: TreeBudget | null = null, shared?: SharedBudget) {
    this.#limits = limits
    this.#spent = spent
    this.#parent = parent
    this.#shared = shared
  }

  /** What counts, in the store, for runs that this one calls elsewhere. */
  get scopes(): readonly LedgerScope[] {
    return this.#root().#shared?.handedDown ?? []
  }

  get isLimited(): boolean {
    const { tokens, costUsd, toolCalls } = this.#limits
    const isOwn = tokens !== undefined || costUsd !== undefined || toolCalls !== undefined
    return isOwn || (this.#shared?.scopes().length ?? 0) > 0 || (this.#parent?.isLimited ?? false)
  }

  get spent(): Spent {
    return this.#spent
  }

  get reserved(): Spent {
    return this.#held
  }

  state(): EntryBodies['budget'] {
    return { spent: { ...this.#spent }, reserved: { ...this.#held }, limit: { ...this.#limits } }
  }

  get limits(): BudgetLimits {
    return this.#limits
  }

  async reserve(request: BudgetRequest, signal: AbortSignal): Promise<Reservation> {
    this.#checkPrice(request)
    for (;;) {
      signal.throwIfAborted()
      const { fits, maxOutputTokens, heldByOthers } = this.#room(request)
      if (fits) return this.#holdShared(request, this.#hold(request, maxOutputTokens), signal)
      if (!heldByOthers) throw new TroupeError('budget/spent', this.#tightest(request).#describe())
      await this.#untilSettled(signal)
    }
  }

  takeToolCalls(count: number, signal?: AbortSignal): Promise<void> | undefined {
    if (count === 0) return undefined
    const full = this.#line().find(({ limits: { toolCalls }, spent }) => toolCalls !== undefined && !(spent.toolCalls + count <= toolCalls))
    if (full) {
      const { limits, spent } = full
      const more = count === 1 ? '' : `: ${count} more were wanted at once, ${spent.toolCalls} are made`
      throw new TroupeError('budget/spent', `the budget of ${limits.toolCalls} tool calls is spent${more}`)
    }
    const amount = { ...NOTHING, toolCalls: count }
    for (const budget of this.#line()) budget.#spent = plus(budget.#spent, amount)
    return takeTogether(this.#root().#shared, count, signal)?.catch((error: unknown) => {
      for (const budget of this.#line()) budget.#spent = minus(budget.#spent, amount)
      throw error
    })
  }

  /**
   * Holds room for an agent in another store: what it asks for, at most what is left, and all that is left where it asks for
   * nothing. Waits while siblings hold what is missing. Throws `budget/spent` where nothing is left.
   */
  async lend({ run, asked, during = (work) => work() }: Borrower, signal: AbortSignal): Promise<Loan> {
    const root = this.#root()
    for (;;) {
      signal.throwIfAborted()
      const { left: shared, free } = await leftTogether(root.#shared)
      const alone = least([asked, shared, ...this.#line().map(({ limits, spent }) => left(limits, spent))])
      const now = least([
        left(shared, root.#lentOut),
        ...this.#line().map((budget) => left(budget.#limits, plus(budget.#spent, budget.#held))),
      ])
      if (alone.tokens <= 0 || alone.costUsd <= 0)
        throw new TroupeError('budget/spent', `the budget has nothing left for another agent: ${this.#describeTight()} are spent`)
      // Who waits for calls of this activation may park; of what others hold nobody would wake it.
      if (now.tokens < alone.tokens || now.costUsd < alone.costUsd) await this.#untilSettled(signal)
      else if (isLittle(free, alone)) await during(() => new Promise((resolve) => setTimeout(resolve, LEDGER_POLL_MS)))
      else {
        const { release, limits } = this.#lent(least([alone, free]), undefined) // Held before anything is awaited.
        try {
          const ticket = await ticketFor(root.#shared, run)
          release()
          return this.#lent(limits, ticket)
        } catch (error) {
          release()
          throw error
        }
      }
    }
  }

  /** Holds a loan of an earlier activation until its run is asked for again, so that nobody else is given the same before. */
  keep(run: string, limits: LoanLimits): void {
    const amount = amountLent(limits)
    this.#kept.set(run, amount)
    this.#held = plus(this.#held, amount)
  }

  /** The loan that a run in another store has by the log. */
  lentBefore(run: string, limits: LoanLimits, ticket: string | undefined): Loan {
    this.#unkeep((kept) => kept === run)
    return this.#lent(limits, ticket)
  }

  /** Gives back what is kept for runs below one that has ended. */
  forget(caller: string): void {
    if (this.#unkeep((kept) => isInTree(kept, caller))) this.#root().#wakeAll()
  }

  #unkeep(isMeant: (run: string) => boolean): boolean {
    let isAny = false
    for (const budget of this.#line())
      for (const [run, amount] of budget.#kept) {
        if (!isMeant(run)) continue
        budget.#kept.delete(run)
        budget.#held = minus(budget.#held, amount)
        isAny = true
      }
    return isAny
  }

  #lent(limits: LoanLimits, ticket: string | undefined): Loan {
    const root = this.#root()
    const amount = amountLent(limits)
    const hold = this.#holdAmount(amount)
    root.#lentOut = plus(root.#lentOut, amount)
    let isOut = true
    const takeBack = (): void => {
      if (isOut) root.#lentOut = minus(root.#lentOut, amount)
      isOut = false
    }
    let isSettled = false
    return {
      limits: capsOf(limits),
      ticket,
      settle: async (usage) => {
        if (isSettled) return
        isSettled = true
        // In the store first: a sibling that is woken by what is given back here looks there.
        if (ticket !== undefined) await root.#shared?.ledger.settle(ticket, spentBy(usage))
        takeBack()
        await hold.settle(usage)
      },
      release: () => {
        takeBack()
        hold.release()
      },
    }
  }

  #wakeAll(): void {
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }

  /** This budget and those above it. */
  #line(): readonly TreeBudget[] {
    return this.#parent ? [this, ...this.#parent.#line()] : [this]
  }

  #root(): TreeBudget {
    return this.#parent === null ? this : this.#parent.#root()
  }

  #checkPrice({ price, model = 'this model' }: BudgetRequest): void {
    const limits = [...this.#line().map((budget) => budget.limits), ...(this.#root().#shared?.scopes() ?? []).map((scope) => scope.limits)]
    if (price === null && limits.some(({ costUsd }) => costUsd !== undefined)) {
      throw new TroupeError(
        'config/invalid',
        `a budget in USD cannot be kept with ${model}, whose price is not known: give it in \`prices\`, or cap tokens instead`,
      )
    }
  }

  /** How much of a request fits now, and whether waiting for siblings could help. */
  #room(request: BudgetRequest): { fits: boolean; maxOutputTokens: number; heldByOthers: boolean } {
    let now = Infinity
    let alone = Infinity
    for (const budget of this.#line()) {
      now = Math.min(now, budget.#outputRoom(request, true))
      alone = Math.min(alone, budget.#outputRoom(request, false))
    }
    const wanted = Math.min(request.maxOutputTokens, Math.max(alone, 0))
    const least = Math.min(MIN_OUTPUT_TOKENS, request.maxOutputTokens)
    return {
      fits: wanted >= least && now >= wanted,
      maxOutputTokens: Number.isFinite(wanted) ? Math.floor(wanted) : request.maxOutputTokens,
      heldByOthers: wanted >= least,
    }
  }

  /** The budget of the line that leaves the least room. */
  #tightest(request: BudgetRequest): TreeBudget {
    return this.#line().toSorted((a, b) => a.#outputRoom(request, false) - b.#outputRoom(request, false))[0] ?? this
  }

  /** Output tokens that fit beside the request's input under this budget alone; Infinity where nothing is capped. */
  #outputRoom(request: BudgetRequest, withHeld: boolean): number {
    return outputRoom(this.#limits, withHeld ? plus(this.#spent, this.#held) : this.#spent, request)
  }

  #describe(): string {
    return `the budget does not allow another model call: ${describe(this.#limits, this.#spent)} are spent`
  }

  /** What is spent of the first cap in the line. */
  #describeTight(): string {
    const capped = this.#line().find(({ limits: { tokens, costUsd } }) => tokens !== undefined || costUsd !== undefined)
    return capped ? describe(capped.#limits, capped.#spent) : 'the amounts that it shares'
  }

  #hold(request: BudgetRequest, maxOutputTokens: number): LocalHold {
    return { maxOutputTokens, ...this.#holdAmount(amountOf(request, maxOutputTokens)) }
  }

  #holdAmount(amount: Spent): Omit<LocalHold, 'maxOutputTokens'> {
    let held: Spent | null = amount
    for (const budget of this.#line()) budget.#held = plus(budget.#held, held)
    const release = (): void => {
      if (!held) return
      for (const budget of this.#line()) budget.#held = minus(budget.#held, held)
      held = null
      this.#root().#wakeAll()
    }
    return {
      settle: (usage) => {
        for (const budget of this.#line()) budget.#spent = plus(budget.#spent, spentBy(usage))
        release()
        return Promise.resolve()
      },
      release,
    }
  }

  /** Holds the same in the store, where others spend of it too; what does not fit there is given back here. */
  async #holdShared(request: BudgetRequest, held: LocalHold, signal: AbortSignal): Promise<Reservation> {
    const shared = this.#root().#shared
    const scopes = shared?.scopes() ?? []
    if (!shared || scopes.length === 0) return held
    let { maxOutputTokens } = held
    try {
      for (;;) {
        signal.throwIfAborted()
        const answer = await shared.ledger.reserve(shared.holder, scopes, amountOf(request, maxOutputTokens))
        if (answer.ok) return sharedReservation(shared, answer.id, held, maxOutputTokens)
        const scope = scopes.find(({ id }) => id === answer.scope)
        const room = scope ? outputRoom(scope.limits, answer.spent, request) : 0
        if (answer.heldByOthers) await new Promise((resolve) => setTimeout(resolve, LEDGER_POLL_MS))
        else if (room >= Math.min(MIN_OUTPUT_TOKENS, request.maxOutputTokens)) maxOutputTokens = Math.floor(Math.min(room, maxOutputTokens))
        else
          throw new TroupeError(
            'budget/spent',
            `the budget ${answer.scope} does not allow another model call: ${describe(scope?.limits ?? {}, answer.spent)} are spent`,
          )
      }
    } catch (error) {
      held.release()
      throw error
    }
  }

  async #untilSettled(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#root().#waiting.add(resolve)
    signal.addEventListener('abort', () => resolve(), { once: true })
    await promise
  }
}

type LocalHold = Reservation

/** What is held in memory and in the store goes together. */
function sharedReservation({ ledger }: SharedBudget, id: string, held: LocalHold, maxOutputTokens: number): Reservation {
  let isOpen = true
  const settle = async (usage: Usage): Promise<void> => {
    await held.settle(usage)
    if (!isOpen) return
    isOpen = false
    await ledger.settle(id, spentBy(usage))
  }
  return {
    maxOutputTokens,
    settle,
    release: () => {
      held.release()
      if (isOpen) detach(ledger.settle(id, NOTHING).catch(() => {})) // What stays held by a fault is released when the run goes on.
      isOpen = false
    },
  }
}

function amountOf({ inputTokens, price }: BudgetRequest, maxOutputTokens: number): Spent {
  const usd = price ? (inputTokens * price.input + maxOutputTokens * price.output) / 1e6 : 0
  return { tokens: inputTokens + maxOutputTokens, costUsd: usd, toolCalls: 0 }
}

function outputRoom({ tokens, costUsd }: BudgetLimits, used: Spent, { inputTokens, price }: BudgetRequest): number {
  const byTokens = tokens === undefined ? Infinity : tokens - used.tokens - inputTokens
  if (costUsd === undefined || !price || price.output === 0) return byTokens
  const leftUsd = costUsd - used.costUsd - (inputTokens * price.input) / 1e6
  return Math.min(byTokens, (leftUsd / price.output) * 1e6)
}

/** Whether others hold so much that what is free is no room for an agent. */
function isLittle({ tokens = Infinity, costUsd = Infinity }: BudgetLimits, wanted: Spent): boolean {
  return tokens < Math.min(wanted.tokens, MIN_OUTPUT_TOKENS) || costUsd <= 0
}

/** What a loan holds: tool calls are counted where they are made. */
function amountLent(limits: LoanLimits): Spent {
  const { tokens = 0, costUsd = 0 } = capsOf(limits)
  return { tokens, costUsd, toolCalls: 0 }
}

function describe({ tokens, costUsd }: BudgetLimits, spent: Spent): string {
  const parts = [
    ...(tokens === undefined ? [] : [`${spent.tokens} of ${tokens} tokens`]),
    ...(costUsd === undefined ? [] : [`${spent.costUsd.toFixed(4)} of ${costUsd} USD`]),
  ]
  return parts.join(' and ')
}

/** The error of a run whose `timeMs` is over. */
export function timeUp(timeMs: number | undefined): TroupeError {
  return new TroupeError('budget/spent', `the time of ${timeMs} ms is over`)
}
