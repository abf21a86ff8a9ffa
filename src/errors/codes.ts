/**
 * Every error code of Troupe, and whether a caller that sees it may simply try again.
 * Codes cross processes and logs: they are never renamed, only added.
 */
export const ERROR_CODES = {
  'internal/unreachable': { retryable: false },

  'config/invalid': { retryable: false },
  'config/missing-key': { retryable: false },
  'config/missing-package': { retryable: false },
  'config/missing-file': { retryable: false },
  'config/unknown-agent': { retryable: false },

  'schema/unsupported': { retryable: false },
  'schema/invalid': { retryable: false },

  'model/unknown': { retryable: false },
  'model/failed': { retryable: false },
  'model/unavailable': { retryable: true },
  'model/bad-answer': { retryable: true },
  'model/no-turn': { retryable: false },

  'tool/name-clash': { retryable: false },
  'tool/bad-name': { retryable: false },
  'tool/not-found': { retryable: false },
  'tool/arguments': { retryable: false },
  'tool/failed': { retryable: false },
  'tool/timeout': { retryable: false },
  'tool/output': { retryable: false },
  'tool/rejected': { retryable: false },

  'agent/parse': { retryable: false },
  'agent/failed': { retryable: false },
  'agent/output': { retryable: false },

  'sandbox/closed': { retryable: true },
  'sandbox/bad-frame': { retryable: false },
  'sandbox/unavailable': { retryable: false },
  'sandbox/bad-value': { retryable: false },
  'sandbox/snapshot-refused': { retryable: false },

  'engine/nested': { retryable: false },
  'engine/lost-ownership': { retryable: false },
  'engine/duplicate-key': { retryable: false },
  'engine/store-failed': { retryable: true },
  'engine/closed': { retryable: false },
  'engine/log-corrupt': { retryable: false },

  'run/not-found': { retryable: false },
  'run/ended': { retryable: false },
  'run/cancelled': { retryable: false },
  'run/incompatible': { retryable: false },
  'run/already-decided': { retryable: false },
  'run/not-waiting': { retryable: false },
  'run/busy': { retryable: true },
  'run/not-ended': { retryable: false },

  'queue/full': { retryable: true },
  'queue/duplicate': { retryable: false },
  'queue/taken': { retryable: false },
  'queue/expired': { retryable: false },
  'queue/dead-letter': { retryable: false },

  'amqp/unavailable': { retryable: true },
  'amqp/closed': { retryable: true },
  'amqp/refused': { retryable: false },
  'amqp/unroutable': { retryable: false },
  'amqp/bad-message': { retryable: false },

  'budget/spent': { retryable: false },
  'session/busy': { retryable: false },
} as const

export type ErrorCode = keyof typeof ERROR_CODES
