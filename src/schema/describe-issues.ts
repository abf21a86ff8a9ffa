import type { StandardSchemaV1 } from '@standard-schema/spec'
import { closest } from './closest.ts'
import type { Issue } from './parse.ts'
import { isRecord } from './pointer.ts'
import { parametersOf } from './read-shape.ts'

/** Issues shown of one value; a long list teaches no more than its beginning. */
const SHOWN = 10

export interface DescribeIssuesOptions {
  /** The value that was checked, and the schema: with both, a wrong top-level key gets the right one as a suggestion. */
  readonly value?: unknown
  readonly schema?: StandardSchemaV1
}

/** Issues as one text for a model or a person: a line each, with the place first. */
export function describeIssues(issues: readonly Issue[], options: DescribeIssuesOptions = {}): string {
  const known = options.schema ? parametersOf(options.schema) : []
  const strangers = known.length > 0 && isRecord(options.value) ? Object.keys(options.value).filter((key) => !known.includes(key)) : []
  const missing = known.filter((name) => isRecord(options.value) && !Object.hasOwn(options.value, name))
  const hints = strangers.flatMap((key) => {
    const near = closest(key, missing)
    return near === undefined ? [] : [`- '${key}': did you mean '${near}'?`]
  })
  const lines = issues
    .slice(0, SHOWN)
    .map(({ path, message }) => (path.length === 0 ? `- ${message}` : `- ${describePath(path)}: ${message}`))
  const more = issues.length > SHOWN ? [`- and ${issues.length - SHOWN} more`] : []
  return [...lines, ...more, ...hints].join('\n')
}

/** `['items', 0, 'a b']` as `items[0]['a b']`. */
export function describePath(path: readonly (string | number)[]): string {
  const text = path
    .map((key) =>
      typeof key === 'string' && /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(key) ? `.${key}` : `[${typeof key === 'number' ? key : `'${key}'`}]`,
    )
    .join('')
  return text.replace(/^\./, '')
}
