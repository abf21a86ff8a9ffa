import { APICallError, LoadAPIKeyError, LoadSettingError } from '@ai-sdk/provider'
import type { ErrorCode } from '../errors/codes.ts'
import { messageOf } from '../errors/troupe-error.ts'
import { BrokenStream } from './answer.ts'

/** What went wrong with one attempt, in our terms. */
export interface ModelFault {
  /** Whether the same request may well be answered when it is sent again. */
  readonly transient: boolean
  /** The code that ends the call when it is not retried, or no more. */
  readonly code: Extract<ErrorCode, 'model/unavailable' | 'model/failed' | 'model/bad-answer' | 'config/missing-key' | 'config/invalid'>
  /** HTTP status, where there was an answer. */
  readonly status?: number
  /** How long the provider asks us to wait, in milliseconds. */
  readonly retryAfterMs?: number
  readonly message: string
}

const TRANSIENT_STATUS: ReadonlySet<number> = new Set([408, 409, 425, 429])
const TRANSIENT_TYPES = /overloaded|rate_?limit|server_error|api_error|internal|time_?out|unavailable|try_again|throttl/i
const PERMANENT_TYPES =
  /invalid_request|invalid_argument|authentication|permission|not_found|insufficient_quota|billing|content_policy|context_length/i
const NETWORK_CODES =
  /^(ECONN|EPIPE|ETIMEDOUT|EAI_AGAIN|ENOTFOUND|EHOSTUNREACH|ENETUNREACH|ENETDOWN|UND_ERR_|ERR_STREAM_PREMATURE_CLOSE|ConnectionClosed|ConnectionRefused|FailedToOpenSocket)/
const MAX_MESSAGE = 400

/**
 * Says of anything that an attempt threw, or that came as an `error` part of a stream, whether it is worth another
 * attempt. Errors of AI SDK are known by their marker, so copies of the package in other versions work too.
 */
export function classifyFault(error: unknown, now: number): ModelFault {
  if (error instanceof BrokenStream) return classifyBroken(error, now)
  if (APICallError.isInstance(error)) return classifyCall(error, now)
  if (LoadAPIKeyError.isInstance(error)) return { transient: false, code: 'config/missing-key', message: textOf(error) }
  if (LoadSettingError.isInstance(error)) return { transient: false, code: 'config/invalid', message: textOf(error) }
  if (isTimeout(error)) return { transient: true, code: 'model/unavailable', message: `no answer in time: ${textOf(error)}` }
  const network = networkCode(error)
  if (network) return { transient: true, code: 'model/unavailable', message: `connection failed (${network}): ${textOf(error)}` }
  return { transient: false, code: 'model/failed', message: textOf(error) }
}

/** A broken stream is always worth another attempt unless what broke it says that the request itself is at fault. */
function classifyBroken(error: BrokenStream, now: number): ModelFault {
  const { cause } = error
  if (cause === undefined) return { transient: true, code: 'model/unavailable', message: error.message }
  if (APICallError.isInstance(cause)) {
    // Status 200 says only that the stream had begun.
    if (cause.statusCode !== undefined && cause.statusCode >= 400) return classifyCall(cause, now)
    return { transient: true, code: 'model/unavailable', message: `${error.message}: ${textOf(cause)}` }
  }
  const status = statusIn(cause)
  const type = typeIn(cause)
  const message = `${error.message}: ${textOf(cause)}`
  const said = (transient: boolean): ModelFault => ({
    transient,
    code: transient ? 'model/unavailable' : 'model/failed',
    message,
    ...(status !== undefined && { status }),
  })
  if (PERMANENT_TYPES.test(type)) return said(false)
  if (status !== undefined && status >= 400) return said(isTransientStatus(status))
  return said(TRANSIENT_TYPES.test(type) || fieldIn(cause, 'isRetryable') !== false || cause instanceof Error)
}

function classifyCall(error: APICallError, now: number): ModelFault {
  const { statusCode: status } = error
  const message = textOf(error)
  if (status === undefined) {
    const network = networkCode(error) ?? (error.isRetryable ? 'no answer' : undefined)
    return network
      ? { transient: true, code: 'model/unavailable', message: `connection failed (${network}): ${message}` }
      : { transient: false, code: 'model/failed', message }
  }
  if (status < 400) {
    // A success status with a body that is not the answer: a connection cut while it was read, or a proxy's page.
    const cut = error.isRetryable || networkCode(error) !== undefined
    return {
      transient: true,
      code: cut ? 'model/unavailable' : 'model/bad-answer',
      status,
      message: cut
        ? `the answer broke off: ${message}`
        : `status ${status} with a body that is no model's answer: ${message}; check the base URL`,
    }
  }
  if (status === 429 && /insufficient_quota|billing_hard_limit/.test(error.responseBody ?? '')) {
    return { transient: false, code: 'model/failed', status, message: `status 429, the account's quota is spent: ${message}` }
  }
  const retryAfterMs = retryAfter(error.responseHeaders, now)
  if (isTransientStatus(status)) {
    return {
      transient: true,
      code: 'model/unavailable',
      status,
      message: `status ${status}: ${message}`,
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    }
  }
  return { transient: false, code: 'model/failed', status, message: `status ${status}: ${message}${adviceFor(status)}` }
}

function isTransientStatus(status: number): boolean {
  return status >= 500 || TRANSIENT_STATUS.has(status)
}

function adviceFor(status: number): string {
  switch (status) {
    case 400:
    case 422:
      return ' (the provider refuses the request: check the model id and its options)'
    case 401:
      return ' (check the API key)'
    case 402:
      return ' (check the account: the provider wants to be paid)'
    case 403:
      return " (check the API key's rights to this model)"
    case 404:
      return ' (check the model id and the base URL)'
    case 413:
      return ' (the prompt is too long for this model)'
    default:
      return ''
  }
}

/**
 * The wait a provider asks for, in milliseconds: `retry-after-ms` (OpenAI, Azure), else `Retry-After` in seconds or as
 * an HTTP date (RFC 9110, 10.2.3). Undefined where it sends none, or nonsense.
 */
export function retryAfter(headers: Readonly<Record<string, string>> | undefined, now: number): number | undefined {
  const header = (name: string): string | undefined =>
    Object.entries(headers ?? {})
      .find(([key]) => key.toLowerCase() === name)?.[1]
      .trim() || undefined
  const exact = header('retry-after-ms')
  if (exact !== undefined && Number.isFinite(Number(exact))) return Math.max(0, Number(exact))
  const usual = header('retry-after')
  if (usual === undefined) return undefined
  if (Number.isFinite(Number(usual))) return Math.max(0, Number(usual) * 1000)
  const date = Date.parse(usual)
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError')
}

/** The code of a failed connection, anywhere in the chain of causes; undici and fetch wrap it in a `TypeError`. */
function networkCode(error: unknown): string | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    const code = fieldIn(at, 'code')
    if (typeof code === 'string' && NETWORK_CODES.test(code)) return code
    if (
      at instanceof TypeError &&
      /^(fetch failed|terminated|failed to fetch|network error)/i.test(at.message) &&
      !(at.cause instanceof Error)
    )
      return at.message
  }
  return undefined
}

function statusIn(value: unknown): number | undefined {
  for (const name of ['statusCode', 'status', 'code']) {
    const found = fieldIn(value, name)
    if (typeof found === 'number' && found >= 100 && found < 600) return found
  }
  return undefined
}

function typeIn(value: unknown): string {
  return ['type', 'code', 'name']
    .map((name) => fieldIn(value, name))
    .filter((found) => typeof found === 'string')
    .join(' ')
}

function fieldIn(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && name in value ? (value as Record<string, unknown>)[name] : undefined
}

function textOf(error: unknown): string {
  const said = fieldIn(error, 'message')
  const text = (typeof said === 'string' && said !== '' ? said : messageOf(error)).replace(/\s+/g, ' ').trim()
  return text.length > MAX_MESSAGE ? `${text.slice(0, MAX_MESSAGE)}…` : text
}
