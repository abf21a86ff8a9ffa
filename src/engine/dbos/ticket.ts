/** What proves that a turn is this process's: the token that DBOS wrote when it handed out the workflow. */
export interface Ticket {
  /** `run:segment`. */
  readonly workflow: string
  readonly executor: string
  readonly token: string
}

export function isTicket(value: unknown): value is Ticket {
  return typeof value === 'object' && value !== null && 'workflow' in value && 'executor' in value && 'token' in value
}
