import { EvalFlags, JSException, type JSValueHandle } from 'quickjs-wasi'
import type { Limits } from '../limits.ts'
import type { ExecutionError } from '../sandbox.ts'
import type { GuestTurn } from './prelude.ts'
import { CpuClock } from './cpu-clock.ts'
import { type Prepared, prepare } from './prepare.ts'
import type { Command, Defences, Report, Setup, Stop } from './protocol.ts'
import { type KeptState, packImage } from './image.ts'
import { imageOf, runJob, setMemoryLimit, settlement, takeStack, type Vm } from './vm.ts'

/** Promise jobs are short and meet few interrupts: this many count as one tick. */
const JOBS_PER_TICK = 100
/** After a stop, what still runs is stopped job by job; more than this many and the session is given up. */
const JOBS_AFTER_STOP = 1_000
/** Interrupts that the code may swallow after its stop (the executor of a promise does) before the interpreter is torn down. */
const TICKS_AFTER_STOP = 20
const MEBIBYTE = 1_048_576
/** Lent to the guest's own bookkeeping, and to the step after one that ran out of memory, so that it can let go of something. */
const MEMORY_RESERVE = 8 * MEBIBYTE

/** One turn runs at a time in a thread. */
const cpu = new CpuClock()

type Opening = Extract<Command, { type: 'open' | 'restore' }>
type Execute = Extract<Command, { type: 'execute' }>
type Reply = Extract<Command, { type: 'reply' }>

/** A session's interpreter in the worker: runs one turn at a time and says what came of it. */
export class GuestSession {
  readonly id: number
  readonly #vm: Vm
  readonly #limits: Limits
  readonly #stopFlag: Int32Array
  readonly #defences: Defences
  readonly #onTick: () => void
  readonly #fixedNames: ReadonlyMap<string, string>
  #main: JSValueHandle | null = null
  #lineOf: (line: number) => number = (line) => line
  #file = ''
  #ticks = 0
  #jobs = 0
  #spentMs = 0
  #ticksAfterStop = 0
  /** The guest's own bookkeeping runs: it is short, and an interrupt would tear it. */
  #trusted = false
  #halted = false
  #stop: Stop | null = null
  #line: number | null = null
  #ranOutOfMemory = false
  /** The running step, or the last one: what a copy needs to find lines in its code again. */
  #current: Pick<Execute, 'step' | 'code'> = { step: 0, code: '' }
  #sinceKeptMs = 0

  /** `onTick`: a turn is no short one. `past`: the interpreter is a restored one, and this is how its session stood. */
  constructor(
    vm: Vm,
    open: Opening,
    defences: Defences,
    onTick: () => void,
    past: { state: KeptState; main: JSValueHandle | null } | null = null,
  ) {
    this.id = open.id
    this.#vm = vm
    this.#limits = open.limits
    this.#stopFlag = open.stop
    this.#defences = defences
    this.#onTick = onTick
    const setup = JSON.parse(open.setup) as Setup
    this.#fixedNames = new Map([
      ...setup.tools.map(({ name }): [string, string] => [name, 'a tool']),
      ['tools', 'the object of all tools'],
      ['finalAnswer', 'the function that ends the run'],
      ['console', 'where prints go'],
    ])
    vm.control.onTick = () => this.#tick()
    vm.control.onHalt = () => {
      this.#halted = true
    }
    this.#setMemory(0)
    if (past === null) this.#call('setup', vm.quickjs.newString(open.setup))
    else this.#goOn(past.state, past.main)
  }

  /** What a session that was kept needs to go on, as an image for `restoreSession`. Null where little CPU time has gone into it. */
  keep(afterMs: number): Uint8Array | null {
    if (this.#stop !== null || this.#sinceKeptMs < afterMs) return null
    this.#sinceKeptMs = 0
    const state: KeptState = {
      ...this.#current,
      ticks: this.#ticks,
      jobs: this.#jobs,
      spentMs: this.#spentMs,
      clock: this.#vm.control.clock,
      ranOutOfMemory: this.#ranOutOfMemory,
    }
    return packImage(state, imageOf(this.#vm, this.#main))
  }

  #goOn(state: KeptState, main: JSValueHandle | null): void {
    this.#current = { step: state.step, code: state.code }
    this.#ticks = state.ticks
    this.#jobs = state.jobs
    this.#spentMs = state.spentMs
    this.#ranOutOfMemory = state.ranOutOfMemory
    this.#vm.control.clock = state.clock
    this.#main = main
    const prepared = this.#prepare(state.code)
    if (prepared.type === 'ready') this.#lines(state.step, prepared)
  }

  #prepare(code: string): Prepared {
    return prepare(code, { fixedNames: this.#fixedNames, sourceLimits: this.#defences.sourceLimits })
  }

  #lines(step: number, { lineOf }: Extract<Prepared, { type: 'ready' }>): void {
    this.#file = `step-${step}.ts`
    this.#lineOf = lineOf
  }

  execute({ step, code, clock, seed }: Execute): Report {
    const prepared = this.#prepare(code)
    this.#ticks = this.#jobs = this.#spentMs = 0
    this.#stop = this.#line = null
    if (prepared.type !== 'ready') return this.#unrun(prepared)
    this.#current = { step, code }
    this.#lines(step, prepared)
    return this.#turn(() => {
      const { quickjs, control } = this.#vm
      control.clock = clock
      this.#call('begin', quickjs.newNumber(seed))
      this.#setMemory(this.#ranOutOfMemory ? MEMORY_RESERVE : 0)
      this.#ranOutOfMemory = false
      this.#main = quickjs.evalCode(prepared.js, this.#file, EvalFlags.ASYNC | EvalFlags.STRICT)
    })
  }

  reply({ call, ok, text }: Reply): Report {
    return this.#turn(() => {
      const { quickjs } = this.#vm
      this.#call('settle', quickjs.newNumber(call), ok ? quickjs.true : quickjs.false, quickjs.newString(text))
    })
  }

  dispose(): void {
    this.#vm.control.onTick = () => true
    this.#vm.quickjs.dispose()
  }

  #unrun(prepared: Exclude<Prepared, { type: 'ready' }>): Report {
    const broken = prepared.type === 'broken'
    return { ...this.#report(''), error: prepared.error, stop: broken ? 'trap' : null, unfit: broken ? 'terminate' : null }
  }

  /** Runs the guest until it is quiet. Only an error of the engine itself leaves the session unusable. */
  #turn(enter: () => void): Report {
    cpu.start()
    this.#halted = false
    this.#ticksAfterStop = 0
    let thrown: ExecutionError | null = null
    let text = ''
    let hadMain = false
    try {
      try {
        enter()
      } catch (error) {
        if (!(error instanceof JSException)) throw error
        thrown = this.#thrown(error)
      }
      this.#runJobs()
      hadMain = this.#main !== null
      this.#finishMain()
      if (this.#stop === 'fuel' || this.#halted) this.#quiesce()
      if (this.#stop === null || this.#stop === 'fuel') text = this.#drain()
    } catch (error) {
      // A trap of the engine, or no memory for its own bookkeeping: nothing that it still says can be relied on.
      if (error instanceof TornDown && (this.#stop === 'fuel' || this.#stop === null)) this.#stop = 'leftover'
      else this.#stop ??= 'trap'
      this.#trusted = false
    }
    const tookMs = cpu.stop()
    this.#spentMs += tookMs
    this.#sinceKeptMs += tookMs
    if (hadMain && this.#main === null) this.#readError(text)
    if (thrown?.kind === 'memory') this.#ranOutOfMemory = true
    return { ...this.#report(text), error: this.#stop === null && !this.#halted ? thrown : null }
  }

  #runJobs(): void {
    while (this.#stop === null && !this.#halted) {
      const outcome = runJob(this.#vm)
      if (outcome === 'idle') return
      if (outcome === 'threw') this.#where(takeStack(this.#vm))
      this.#jobs++
      if (this.#jobs % JOBS_PER_TICK === 0) this.#spend()
    }
  }

  #finishMain(): void {
    if (this.#main === null || this.#stop !== null || this.#halted) return
    const settled = settlement(this.#vm, this.#main)
    if (settled === null) return
    this.#main.dispose()
    this.#main = null
    try {
      // Reads the result, and with it getters and `toJSON` of the model's: they may be stopped, or call `finalAnswer`.
      this.#call('finish', settled.ok ? this.#vm.quickjs.true : this.#vm.quickjs.false, settled.result)
    } catch (error) {
      if (!(error instanceof JSException) || (this.#stop === null && !this.#halted)) throw error
      this.#thrown(error)
    }
    this.#runJobs()
  }

  /** After fuel or a halt: whatever is still runnable is stopped at its next tick, so that nothing of this step runs in the next. */
  #quiesce(): void {
    const stop = this.#stop
    this.#halted = true
    this.#main?.dispose()
    this.#main = null
    this.#call('mute')
    for (let jobs = 0; ; jobs++) {
      this.#ticksAfterStop = 0
      const outcome = runJob(this.#vm)
      if (outcome === 'idle') break
      if (outcome === 'threw') takeStack(this.#vm)
      if (jobs === JOBS_AFTER_STOP) {
        this.#stop = 'leftover'
        return
      }
    }
    this.#stop = stop
  }

  #drain(): string {
    this.#setMemory(MEMORY_RESERVE)
    this.#trusted = true
    const handle = this.#vm.quickjs.callFunction(this.#vm.guest.drain, this.#vm.quickjs.undefined)
    this.#trusted = false
    const text = handle.toString()
    handle.dispose()
    this.#setMemory(0)
    if (!text.startsWith('[[')) this.#stop = 'memory'
    return text.startsWith('[[') ? text : ''
  }

  /** Interrupted: the engine asks once in 10,000 loop turns and calls. True stops the code. */
  #tick(): boolean {
    if (this.#trusted) return false
    if (this.#halted || this.#stop !== null) {
      // Thrown through the interpreter's own frames: nothing in it can catch this, and it cannot be used any more.
      if (this.#defences.tearDown && ++this.#ticksAfterStop > TICKS_AFTER_STOP) throw new TornDown()
      return true
    }
    this.#ticks++
    this.#onTick()
    this.#spend()
    return this.#stop !== null
  }

  #spend(): void {
    if (this.#defences.abortFlag && Atomics.load(this.#stopFlag, 0) !== 0) this.#stop = 'aborted'
    else if (this.#defences.fuel && this.#fuel() > this.#limits.fuel) this.#stop = 'fuel'
    else if (this.#defences.cpu && this.#spentMs + cpu.read() > this.#limits.timeoutMs) this.#stop = 'cpu'
  }

  #fuel(): number {
    return this.#ticks + Math.floor(this.#jobs / JOBS_PER_TICK)
  }

  #thrown(error: JSException): ExecutionError | null {
    const stack = error.handle.getProp('stack').consume((handle) => (handle.isString ? handle.toString() : ''))
    this.#where(stack)
    if (this.#stop !== null || this.#halted) {
      error.dispose()
      return null
    }
    const { name, message } = error
    error.dispose()
    const kind = name === 'SyntaxError' ? 'syntax' : message === 'out of memory' ? 'memory' : 'error'
    return { kind, name, message, ...(this.#line !== null && { line: this.#line }) }
  }

  #where(stack: string): void {
    this.#line ??= this.#lineIn(stack)
  }

  /** The line is found here, where the map of the code's lines is. */
  #readError(text: string): void {
    if (text === '') return
    const [, state] = JSON.parse(text) as GuestTurn
    if (state === null || state[0] !== 'error') return
    this.#line = this.#lineIn(state[4])
    if (state[1] === 'memory') this.#ranOutOfMemory = true
  }

  /** The innermost line of the running step's own code in a stack of the guest's. */
  #lineIn(stack: string): number | null {
    for (const [, file, line] of stack.matchAll(/\((step-\d+\.ts):(\d+)(?::\d+)?\)/g))
      if (file === this.#file) return this.#lineOf(Number(line))
    return null
  }

  #call(name: keyof Vm['guest'], ...args: JSValueHandle[]): void {
    const { quickjs, guest } = this.#vm
    this.#trusted = name !== 'settle' && name !== 'finish'
    quickjs.callFunction(guest[name], quickjs.undefined, ...args).dispose()
    this.#trusted = false
    for (const arg of args) arg.dispose()
  }

  #setMemory(reserve: number): void {
    if (this.#defences.memory) setMemoryLimit(this.#vm, this.#limits.memoryMb * MEBIBYTE + reserve)
  }

  #report(text: string): Report {
    return {
      id: this.id,
      text,
      stop: this.#stop,
      error: null,
      fuel: this.#fuel(),
      cpuMs: cpu.threadMs,
      line: this.#line,
      unfit: this.#stop === 'trap' ? 'retire' : null,
    }
  }
}

/** What tears an interpreter down from within its interrupt. */
class TornDown extends Error {}
