import { ERROR_CODES, type ErrorCode } from './codes.ts'
import type { JsonObject } from '../util/json.ts'

/** How an error looks in a log entry, an event or another process. */
export interface ErrorJson {
  readonly code: ErrorCode
  readonly message: string
  readonly retryable: boolean
  readonly details?: JsonObject
  readonly cause?: string
}

export interface TroupeErrorOptions {
  /** Plain data for programs: which tool, which value, which limit. */
  readonly details?: JsonObject
  /** Overrides the code's default, where one code covers both cases (a model answer 400 or 503). */
  readonly retryable?: boolean
  readonly cause?: unknown
}

const MARKER = Symbol.for('troupe.error')

/**
 * The one error type of Troupe. Match by `code` with `TroupeError.is`, never by class or message: errors cross
 * processes, logs and duplicate installs. A message says what happened, with which value, and what to do next.
 */
export class TroupeError extends Error {
  override readonly name: string = 'TroupeError'
  readonly code: ErrorCode
  readonly retryable: boolean
  readonly details: JsonObject

  constructor(code: ErrorCode, message: string, options: TroupeErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.retryable = options.retryable ?? ERROR_CODES[code].retryable
    this.details = options.details ?? {}
  }

  static {
    Object.defineProperty(TroupeError.prototype, MARKER, { value: true })
  }

  /** Whether `error` is a Troupe error, of this or of another copy of the package, and has `code` where one is given. */
  static is(error: unknown, code?: ErrorCode): error is TroupeError {
    if (typeof error !== 'object' || error === null || !(MARKER in error)) return false
    return code === undefined || ('code' in error && error.code === code)
  }

  /** Rebuilds an error that `toJSON` wrote. Anything else becomes `internal/unreachable` with the value in its message. */
  static from(json: unknown): TroupeError {
    if (!isErrorJson(json)) return new TroupeError('internal/unreachable', `not an error of Troupe: ${JSON.stringify(json)}`)
    return new TroupeError(json.code, json.message, {
      retryable: json.retryable,
      ...(json.details && { details: json.details }),
      ...(json.cause !== undefined && { cause: json.cause }),
    })
  }

  /** The error itself when it is one of Troupe, else a new one of `code` that keeps the message and the cause. */
  static wrap(error: unknown, code: ErrorCode): TroupeError {
    if (TroupeError.is(error)) return error
    return new TroupeError(code, messageOf(error), { cause: error })
  }

  toJSON(): ErrorJson {
    return {
      code: this.code,
      message: this.message,
      retryable: this.retryable,
      ...(Object.keys(this.details).length > 0 && { details: this.details }),
      ...(this.cause !== undefined && { cause: messageOf(this.cause) }),
    }
  }
}

/** The text of anything that was thrown; never throws itself. */
export function messageOf(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message || thrown.name
  if (typeof thrown === 'object' && thrown !== null && 'message' in thrown && typeof thrown.message === 'string') return thrown.message
  try {
    return typeof thrown === 'string' ? thrown : (JSON.stringify(thrown) ?? String(thrown))
  } catch {
    return 'a value that has no text was thrown'
  }
}

function isErrorJson(json: unknown): json is ErrorJson {
  if (typeof json !== 'object' || json === null || !('code' in json) || !('message' in json)) return false
  return typeof json.code === 'string' && Object.hasOwn(ERROR_CODES, json.code) && typeof json.message === 'string'
}
