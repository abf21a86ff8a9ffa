/** Names that code in a sandbox needs for itself; kept as plain words so that a reader can check them. */
const TYPESCRIPT_WORDS = `
  any arguments async await bigint boolean break case catch class const constructor continue debugger default delete do else enum eval export extends
  false finally for function if implements import in instanceof interface let module never new null number object package private protected public
  return static string super switch symbol this throw true try type typeof undefined unknown var void while with yield`

const JAVASCRIPT_BUILTINS = `
  AbortController AbortSignal AggregateError Array ArrayBuffer AsyncDisposableStack Atomics BigInt BigInt64Array BigUint64Array Boolean Buffer
  DataView Date DisposableStack Error EvalError FinalizationRegistry Float16Array Float32Array Float64Array Function Infinity Int16Array Int32Array
  Int8Array Intl Iterator JSON Map Math NaN Number Object Promise Proxy RangeError ReferenceError Reflect RegExp Set SharedArrayBuffer String
  SuppressedError Symbol SyntaxError Temporal TextDecoder TextEncoder TypeError URIError URL URLSearchParams Uint16Array Uint32Array Uint8Array
  Uint8ClampedArray WeakMap WeakRef WeakSet WebAssembly atob btoa clearInterval clearTimeout console crypto decodeURI decodeURIComponent encodeURI
  encodeURIComponent escape exports fetch global globalThis hasOwnProperty isFinite isNaN isPrototypeOf parseFloat parseInt performance process
  propertyIsEnumerable queueMicrotask require self setInterval setTimeout structuredClone toLocaleString toString unescape valueOf window`

const PYTHON_WORDS = `
  False None True and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal
  not or pass raise return try type while with yield`

const PYTHON_BUILTINS = `
  abs aiter all anext any ascii bin bool breakpoint bytearray bytes callable chr classmethod compile complex delattr dict dir divmod enumerate eval
  exec exit filter float format frozenset getattr globals hasattr hash help hex id input int isinstance issubclass iter len list locals map max
  memoryview min next object oct open ord pow print property quit range repr reversed round set setattr slice sorted staticmethod str sum super
  tuple type vars zip
  ArithmeticError AssertionError AttributeError BaseException BaseExceptionGroup BlockingIOError BrokenPipeError BufferError ChildProcessError
  ConnectionError EOFError Ellipsis Exception ExceptionGroup FileExistsError FileNotFoundError FloatingPointError GeneratorExit IOError ImportError
  IndentationError IndexError InterruptedError IsADirectoryError KeyError KeyboardInterrupt LookupError MemoryError ModuleNotFoundError NameError
  NotADirectoryError NotImplemented NotImplementedError OSError OverflowError PermissionError ProcessLookupError RecursionError RuntimeError
  StopAsyncIteration StopIteration SystemError SystemExit TabError TimeoutError UnboundLocalError UnicodeDecodeError UnicodeEncodeError
  UnicodeError ValueError Warning ZeroDivisionError`

const SANDBOX = 'finalAnswer final_answer tools'

const RESERVED: ReadonlySet<string> = new Set(
  [TYPESCRIPT_WORDS, JAVASCRIPT_BUILTINS, PYTHON_WORDS, PYTHON_BUILTINS, SANDBOX].join(' ').trim().split(/\s+/),
)

/** Whether a name is a reserved word or builtin of TypeScript or Python, or one that the sandbox gives to its code. */
export function isReservedName(name: string): boolean {
  return RESERVED.has(name)
}
