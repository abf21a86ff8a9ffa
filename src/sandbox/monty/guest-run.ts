import { randomBytes } from 'node:crypto'
import { Monty, MontyComplete, MontyNameLookup, MontyRuntimeError, MontySnapshot, MontySyntaxError } from '@pydantic/monty'
import { TroupeError } from '../../errors/troupe-error.ts'
import { pythonName } from '../../schema/python-name.ts'
import type { GuestFunction } from '../sandbox.ts'
import { namedArguments } from './arguments.ts'
import { explain, keysIn, missingConstruct, unknownFunction } from './explain.ts'
import { Output } from './output.ts'
import type { Command, GivenAnswer, Report, ReportState } from './protocol.ts'
import { showPython } from './show.ts'
import { pythonOfText, textOfPython } from './values.ts'

const PREVIEW = 8_000
const MESSAGE = 8_000
const MAX_RECURSION = 400
/** The interpreter's clock counts waits too; it is set anew when this part of its time has gone by. */
const CLOCK_SLACK = 0.05
const FINAL = 'final_answer'

/** Errors of tools that Python code may catch by their own name; any other is a RuntimeError that says its name. */
const RAISABLE: ReadonlySet<string> = new Set([
  'ArithmeticError',
  'AssertionError',
  'AttributeError',
  'Exception',
  'FileNotFoundError',
  'IndexError',
  'KeyError',
  'LookupError',
  'NotImplementedError',
  'OSError',
  'OverflowError',
  'PermissionError',
  'RuntimeError',
  'TypeError',
  'ValueError',
  'ZeroDivisionError',
])

type Run = Extract<Command, { type: 'run' }>
type Progress = MontySnapshot | MontyNameLookup | MontyComplete
type Resume = Parameters<MontySnapshot['resume']>[0]
/** Why the rest of a block must not run. */
type Stop = { readonly type: 'final'; readonly value: string } | { readonly type: 'stop'; readonly stop: 'output-limit' | 'call-limit' }

/** One block while it runs. */
interface Phase {
  readonly answers: readonly GivenAnswer[]
  readonly output: Output
  calls: number
  stop: Stop | null
}

/**
 * One step of a session in this process: all blocks of the session as one program, in which calls of earlier blocks are
 * answered from their record and only the last block's prints and calls are reported. Paused at a call it holds the
 * interpreter's state.
 */
export class GuestRun {
  readonly #run: Run
  readonly #tools = new Map<string, GuestFunction>()
  readonly #border: string
  /** Lines of the program before the last block. */
  readonly #offset: number
  readonly #program: string
  readonly #answers: GivenAnswer[]
  #phase: Phase | null = null
  #phases = 0
  #paused: MontySnapshot | null = null
  #toSkip: number
  #spentMs = 0
  #enteredMs: number | null = null
  #clockMs = 0

  constructor(run: Run) {
    this.#run = run
    for (const tool of run.tools) for (const name of [pythonName(tool.name), tool.name]) this.#tools.set(name, tool)
    this.#border = run.defences.secretBorder ? `_${randomBytes(12).toString('hex')}` : '_border'
    const parts = run.blocks.map(({ code }) => `${this.#border}()\n${code}`)
    const before = parts
      .slice(0, -1)
      .map((part) => `${part}\n`)
      .join('')
    this.#program = before + (parts.at(-1) ?? '')
    this.#offset = before.split('\n').length
    this.#answers = [...(run.blocks.at(-1)?.answers ?? [])]
    this.#toSkip = run.printsSeen
  }

  start(): Report {
    const unfit = this.#parse(this.#run.blocks.at(-1)?.code ?? '')
    if (unfit !== null) return this.#report(unfit)
    return this.#turn(() => {
      const { memoryBytes, durationMs } = this.#run.limits
      const { memory, duration, recursion } = this.#run.defences
      const context = pythonOfText(this.#run.context) as object
      const inputs = Object.fromEntries(
        (context instanceof Map ? [...context] : Object.entries(context)).filter(([name]) =>
          /^[\p{L}_][\p{L}\p{N}_]*$/u.test(String(name)),
        ),
      )
      const names = Object.keys(inputs)
      const program = compile(this.#program, names)
      this.#clockMs = performance.now()
      return program.start({
        ...(names.length > 0 && { inputs }),
        limits: {
          ...(memory && { maxMemory: memoryBytes }),
          ...(duration && { maxDurationSecs: (durationMs * (1 + CLOCK_SLACK)) / 1000 }),
          maxRecursionDepth: recursion ? MAX_RECURSION : 10_000_000,
        },
        printCallback: this.#print,
      })
    })
  }

  reply(ok: boolean, text: string): Report {
    const paused = this.#paused
    const call = this.#phase?.calls ?? 0
    if (paused === null) return this.#report({ type: 'lost' })
    this.#paused = null
    this.#answers[call - 1] = { tool: paused.functionName, ok, text }
    return this.#turn(() => this.#resume(this.#fresh(paused), this.#given({ tool: '', ok, text })))
  }

  #parse(code: string): ReportState | null {
    try {
      compile(code)
      return null
    } catch (error) {
      if (!(error instanceof MontySyntaxError || error instanceof MontyRuntimeError)) throw error
      const line = /\bline (\d+)/.exec(error instanceof MontySyntaxError ? syntaxTraceback(error) : error.display('traceback'))?.[1]
      return {
        type: 'error',
        kind: 'syntax',
        name: 'SyntaxError',
        message: missingConstruct(error.exception.message),
        line: line === undefined ? null : Number(line),
        failed: null,
      }
    }
  }

  /** Runs until the live block makes a call or the program ends. */
  #turn(enter: () => Progress): Report {
    let state: ReportState
    try {
      this.#enter()
      let progress = enter()
      while (!(progress instanceof MontyComplete)) {
        const answered = this.#answered
        if (answered !== null) {
          // An `except:` without a class swallowed the stop. The answer stands, and nothing after it counts.
          this.#leave()
          return this.#report(answered)
        }
        if (progress instanceof MontyNameLookup) {
          progress = this.#lookUp(progress)
          continue
        }
        const step = this.#call(progress)
        if (!('resume' in step)) {
          this.#paused = progress
          this.#leave()
          return this.#report(step)
        }
        progress = this.#resume(step.from ?? progress, step.resume)
      }
      state = this.#ended(progress)
    } catch (error) {
      state = this.#failed(error)
    }
    this.#leave()
    this.#phase?.output.end()
    return this.#report(state)
  }

  #enter(): void {
    if (this.#isLive) this.#enteredMs = performance.now()
  }

  #leave(): void {
    if (this.#enteredMs !== null) this.#spentMs += performance.now() - this.#enteredMs
    this.#enteredMs = null
  }

  get #isLive(): boolean {
    return this.#phases === this.#run.blocks.length
  }

  #lookUp(lookup: MontyNameLookup): Progress {
    const name = lookup.variableName
    if (!this.#tools.has(name) && name !== FINAL) return lookup.resume()
    return lookup.resume({ value: Object.defineProperty(() => {}, 'name', { value: name }) })
  }

  /** What to go on with, or the frame of a call that the host has to answer. */
  #call(snapshot: MontySnapshot): { readonly resume: Resume; readonly from?: MontySnapshot } | Extract<ReportState, { type: 'call' }> {
    const name = snapshot.functionName
    if (name === this.#border) {
      this.#nextPhase()
      return { resume: { returnValue: null }, from: this.#fresh(snapshot) }
    }
    const phase = this.#phase
    if (phase === null) throw trap('a call was made before the first block')
    if (phase.stop !== null && this.#run.defences.finalStop) return { resume: STOPPED }
    if (name === FINAL) return { resume: this.#final(phase, snapshot) }
    const tool = this.#tools.get(name)
    if (tool === undefined) return { resume: raised('NameError', unknownFunction(name)) }
    let args: string
    try {
      args = textOfPython(namedArguments(tool, snapshot.args, snapshot.kwargs))
    } catch (error) {
      return { resume: raised('TypeError', messageOf(error)) }
    }
    const { answerBytes, maxCalls } = this.#run.limits
    const { argumentBytes, callLimit } = this.#run.defences
    if (argumentBytes && Buffer.byteLength(args) > answerBytes)
      return {
        resume: raised('ValueError', `the arguments of ${name} are larger than ${answerBytes} bytes: send less, or send it in parts`),
      }
    if (callLimit && phase.calls >= maxCalls) {
      phase.stop = { type: 'stop', stop: 'call-limit' }
      return { resume: STOPPED }
    }
    const answer = phase.answers[phase.calls++]
    if (answer !== undefined) {
      if (answer.tool !== tool.name && answer.tool !== name) throw trap(`call ${phase.calls} was of ${answer.tool} and is now of ${name}`)
      return { resume: this.#given(answer) }
    }
    if (!this.#isLive) throw trap(`call ${phase.calls} of an earlier step was not made before`)
    return { type: 'call', tool: tool.name, args }
  }

  /** The final answer of the live block, once it was given. */
  get #answered(): ReportState | null {
    const stop = this.#phase?.stop
    return this.#isLive && this.#run.defences.finalStop && stop?.type === 'final' ? { ...stop, line: null } : null
  }

  #nextPhase(): void {
    const block = this.#run.blocks[this.#phases]
    if (block === undefined) throw trap('the border between blocks was passed once too often')
    this.#phase?.output.end()
    this.#phases++
    const { limits, defences } = this.#run
    const phase: Phase = {
      answers: this.#isLive ? this.#answers : block.answers,
      output: new Output(defences.outputBytes ? limits.outputBytes : Infinity, () => {
        phase.stop ??= { type: 'stop', stop: 'output-limit' }
      }),
      calls: 0,
      stop: null,
    }
    this.#phase = phase
    this.#enter()
  }

  readonly #print = (_stream: string, text: string): void => {
    const phase = this.#phase
    if (phase === null) return
    if (phase.stop === null) phase.output.write(text)
    else if (!this.#run.defences.finalStop) phase.output.write(text)
    // Thrown into the guest, so that a loop of prints ends.
    if (phase.stop !== null && this.#run.defences.finalStop) throw trap('this step has been stopped')
  }

  #final(phase: Phase, { args, kwargs }: MontySnapshot): Resume {
    const values = [...args, ...Object.values(kwargs)]
    if (values.length > 1) return raised('TypeError', 'final_answer takes one value')
    try {
      const value = textOfPython(values[0] ?? null)
      const { answerBytes } = this.#run.limits
      if (this.#run.defences.answerBytes && Buffer.byteLength(value) > answerBytes)
        return raised('ValueError', `the final answer is larger than ${answerBytes} bytes: answer with less`)
      phase.stop = { type: 'final', value }
    } catch (error) {
      return raised('TypeError', messageOf(error))
    }
    return this.#run.defences.finalStop ? STOPPED : { returnValue: null }
  }

  #given({ ok, text }: GivenAnswer): Resume {
    if (ok) {
      try {
        return { returnValue: pythonOfText(text) }
      } catch (error) {
        return raised('TypeError', `the answer could not be read: ${messageOf(error)}`)
      }
    }
    const { name, message } = JSON.parse(text) as { name: string; message: string }
    return RAISABLE.has(name) ? raised(name, message) : raised('RuntimeError', name === 'Error' ? message : `${name}: ${message}`)
  }

  /** A value that the interpreter does not take (a dict as a key) is the call's error, not the session's. */
  #resume(snapshot: MontySnapshot, options: Resume): Progress {
    try {
      return snapshot.resume(options)
    } catch (error) {
      if (error instanceof MontyRuntimeError || !('returnValue' in options)) throw error
      return snapshot.resume(raised('TypeError', `the answer could not be read: ${messageOf(error)}`))
    }
  }

  /** The interpreter's time limit counts from the start or the last load: waits and earlier blocks must not use it up. */
  #fresh(snapshot: MontySnapshot): MontySnapshot {
    const { limits, defences } = this.#run
    if (!defences.duration || performance.now() - this.#clockMs < limits.durationMs * CLOCK_SLACK) return snapshot
    const loaded = MontySnapshot.load(snapshot.dump(), { printCallback: this.#print })
    this.#clockMs = performance.now()
    return loaded
  }

  #ended({ output }: MontyComplete): ReportState {
    const stop = this.#phase?.stop
    if (stop) return { ...stop, line: null }
    let value: string | null = null
    try {
      const text = output === null ? null : textOfPython(output)
      value = text !== null && Buffer.byteLength(text) <= this.#run.limits.answerBytes ? text : null
    } catch {
      // Shown, and not given away.
    }
    return { type: 'value', value, preview: showPython(output, PREVIEW) }
  }

  #failed(error: unknown): ReportState {
    if (!(error instanceof MontyRuntimeError)) return { type: 'trap', message: messageOf(error) }
    const { typeName, message } = error.exception
    if (!this.#isLive) return { type: 'trap', message: `an earlier step failed when it was run again: ${typeName}: ${message}` }
    const own = error
      .traceback()
      .map(({ line }) => line - this.#offset)
      .filter((line) => line > 0)
    const [line, failed] = [own.at(-1) ?? null, own[0] ?? null]
    const isTime = typeName === 'TimeoutError' && message.startsWith('time limit exceeded')
    const isMemory = typeName === 'MemoryError' && message.startsWith('memory limit exceeded')
    const stop = this.#phase?.stop
    if (this.#answered !== null && stop) return { ...stop, line: failed }
    if (isTime) return { type: 'time' }
    if (isMemory) return { type: 'memory', line }
    if (stop) return { ...stop, line: failed }
    const { blocks, context } = this.#run
    const explained = explain(error, () =>
      keysIn(
        blocks.map(({ code }) => code),
        [context, ...[...blocks.slice(0, -1).flatMap(({ answers }) => answers), ...this.#answers].map(({ text }) => text)],
      ),
    )
    return { type: 'error', kind: explained.kind, name: typeName, message: explained.message.slice(0, MESSAGE), line, failed }
  }

  #report(state: ReportState): Report {
    const made = this.#isLive ? (this.#phase?.output.take() ?? []) : []
    const prints = made.slice(this.#toSkip)
    this.#toSkip = Math.max(0, this.#toSkip - made.length)
    return { session: this.#run.session, prints, state, spentMs: this.#spentMs }
  }
}

/** What ends a block from within: no `except Exception` sees it. */
const STOPPED: Resume = raised('SystemExit', 'this step has been stopped')

function compile(code: string, inputs: readonly string[] = []): Monty {
  return new Monty(code, inputs.length > 0 ? { inputs: [...inputs] } : {})
}

function trap(message: string): TroupeError {
  return new TroupeError('internal/unreachable', message)
}

function raised(type: string, message: string): Resume {
  return { exception: { type, message } }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Its declaration does not say so, but it has the place too. */
function syntaxTraceback(error: MontySyntaxError): string {
  const owner: object = error
  const display: unknown = Reflect.get(owner, 'display')
  return typeof display === 'function' ? String(Reflect.apply(display, owner, ['traceback'])) : ''
}
