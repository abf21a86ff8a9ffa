import { type QuickJsOptions, type QuickJsSandbox, quickjsWith } from './create.ts'
import { ALL_DEFENCES } from './protocol.ts'

export type { QuickJsOptions, QuickJsSandbox }

/**
 * TypeScript in QuickJS, compiled to WebAssembly, in worker threads: no file, no network, no clock and no chance but what
 * the host gives. The first `open` starts a thread (0.1 to 0.3 s); later ones are free, and the first step of a session costs about 3 ms.
 *
 * A step that fuel stops (`timeout`, not poisoned), or that meets a limit of calls or output, leaves the session usable:
 * its variables are as they were at the stop, in every replay. `finalAnswer` stops its step at once in the same way.
 * Code that no fuel stops is ended with its thread, after CPU time alone; other sessions in that thread then end with `sandbox/closed`.
 *
 * A bundle needs two files beside it, and `workerUrl` and `wasmUrl` say where: `troupe/sandbox/quickjs/worker`, bundled on its own, and
 * `quickjs-wasi/quickjs.wasm`, copied.
 */
export function quickjs(options: QuickJsOptions = {}): QuickJsSandbox {
  return quickjsWith(ALL_DEFENCES, options)
}
