import { CompileFlags, JSValueHandle, QuickJS, type QuickJSOptions } from 'quickjs-wasi'
import { preludeSource, type Guest } from './prelude.ts'
import type { Defences } from './protocol.ts'

/** One interpreter with the guest's prelude in it, not yet anyone's. */
export interface Vm {
  readonly quickjs: QuickJS
  readonly guest: { readonly [Name in keyof Guest]: JSValueHandle }
  readonly control: Control
}

/** What the engine asks of the session that owns the interpreter. */
export interface Control {
  /** At every interrupt tick; true stops the running code so that no `catch` of it sees it. */
  onTick: () => boolean
  /** `finalAnswer` and limits of the prelude stop the running code at its next tick. */
  onHalt: () => void
  /** Milliseconds since 1970. */
  clock: number
}

/** Native stack of the interpreter, of the megabyte that its binary has; a guest that recurses too deep gets a RangeError. */
const STACK_BYTES = 256 * 1024

/** Bytecode of the prelude: to parse its source takes 6 ms, to load this half a millisecond. Made once in a thread, by its first interpreter. */
let prelude: Uint8Array | null = null

/** What lets an interpreter go on elsewhere: its memory, and where in it the things are that the host holds. */
export interface VmImage {
  readonly memory: Uint8Array
  readonly guest: readonly number[]
  readonly main: number | null
}

const GUEST_NAMES = ['setup', 'begin', 'finish', 'settle', 'mute', 'drain'] as const satisfies readonly (keyof Guest)[]

/** About 3 ms. The memory limit is set when a session takes the interpreter. */
export async function createVm(wasm: WebAssembly.Module, defences: Defences): Promise<Vm> {
  const control: Control = { onTick: () => false, onHalt: () => {}, clock: 0 }
  const quickjs = await QuickJS.create(worldOf(wasm, control, defences))
  const halt = quickjs.newFunction('halt', haltOf(quickjs, control))
  prelude ??= quickjs.compile(preludeSource(defences), 'troupe', 0, CompileFlags.STRIP_SOURCE)
  const make = quickjs.evalBytecode(prelude)
  const made = quickjs.callFunction(make, quickjs.undefined, halt)
  const guest = guestOf((name) => made.getProp(name))
  for (const handle of [halt, make, made]) handle.dispose()
  return { quickjs, guest, control }
}

/** A copy of a quiet interpreter: about 2 ms, and more where the guest has held much memory. */
export function imageOf({ quickjs, guest }: Vm, main: JSValueHandle | null): VmImage {
  return {
    memory: QuickJS.serializeSnapshot(quickjs.snapshot()),
    guest: GUEST_NAMES.map((name) => quickjs.exportHandle(guest[name])),
    main: main === null ? null : quickjs.exportHandle(main),
  }
}

/** The interpreter of an image, about 3 ms, and the promise of its main code. The image must be one of ours: it is not checked. */
export async function restoreVm(
  wasm: WebAssembly.Module,
  defences: Defences,
  image: VmImage,
): Promise<{ vm: Vm; main: JSValueHandle | null }> {
  const control: Control = { onTick: () => false, onHalt: () => {}, clock: 0 }
  const quickjs = await QuickJS.restore(QuickJS.deserializeSnapshot(image.memory), worldOf(wasm, control, defences))
  quickjs.registerHostCallback('halt', haltOf(quickjs, control))
  const guest = guestOf((name) => quickjs.importHandle(image.guest[GUEST_NAMES.indexOf(name)] ?? 0))
  return { vm: { quickjs, guest, control }, main: image.main === null ? null : quickjs.importHandle(image.main) }
}

function guestOf(handleOf: (name: (typeof GUEST_NAMES)[number]) => JSValueHandle): Vm['guest'] {
  return Object.fromEntries(GUEST_NAMES.map((name) => [name, handleOf(name)])) as { [Name in keyof Guest]: JSValueHandle }
}

function haltOf(quickjs: QuickJS, control: Control): () => JSValueHandle {
  return () => {
    control.onHalt()
    return quickjs.undefined
  }
}

/** Everything of the outer world that an interpreter has. */
function worldOf(wasm: WebAssembly.Module, control: Control, defences: Defences): QuickJSOptions {
  return {
    wasm,
    maxStackSize: defences.stack ? STACK_BYTES : 0,
    timezoneOffset: 0,
    interruptHandler: () => control.onTick(),
    wasi: (memory) => ({
      clock_time_get(_clock: number, _precision: bigint, result: number) {
        new DataView(memory.buffer).setBigUint64(
          result,
          BigInt(Math.trunc(defences.fixedClock ? control.clock : Date.now())) * 1_000_000n,
          true,
        )
        return 0
      },
      random_get(at: number, length: number) {
        new Uint8Array(memory.buffer, at, length).fill(7)
        return 0
      },
      // What the engine itself would log has no reader; 8 is EBADF.
      fd_write: () => 8,
    }),
  }
}

/** Heap that the guest may hold, in bytes. The library takes it only at creation, and spare interpreters are made before. */
export function setMemoryLimit({ quickjs }: Vm, bytes: number): void {
  quickjs._getExports().qjs_set_memory_limit(bytes)
}

/** Runs one promise job. `threw`: it was interrupted, or threw where nothing could catch it (in `queueMicrotask`). */
export function runJob({ quickjs }: Vm): 'ran' | 'idle' | 'threw' {
  const engine = quickjs._getExports()
  if (engine.qjs_is_job_pending() === 0) return 'idle'
  return engine.qjs_execute_pending_job() >= 0 ? 'ran' : 'threw'
}

/** Takes what the last job threw, and gives its stack. */
export function takeStack({ quickjs }: Vm): string {
  const thrown = quickjs.getException()
  try {
    return thrown.isError ? thrown.getProp('stack').consume((stack) => (stack.isString ? stack.toString() : '')) : ''
  } finally {
    thrown.dispose()
  }
}

/** What a settled promise holds; null while it is pending. */
export function settlement({ quickjs }: Vm, promise: JSValueHandle): { readonly ok: boolean; readonly result: JSValueHandle } | null {
  const state = promise.promiseState
  if (state === 0) return null
  return { ok: state === 1, result: new JSValueHandle(quickjs, quickjs._getExports().qjs_promise_result(promise.ptr)) }
}
