import { assertNever } from '../util/assert-never.ts'
import type { AnyTool, ToolEffect } from './tool.ts'

/**
 * Whether a person must agree before this call runs: always for `irreversible`, else as the tool's `needsApproval`
 * says of the parsed arguments. A rule that throws counts as yes: nothing runs because a check was broken.
 */
export function needsApproval(tool: AnyTool, input: unknown): boolean {
  if (tool.effect === 'irreversible') return true
  const rule = tool.needsApproval ?? false
  if (typeof rule === 'boolean') return rule
  try {
    // The input has passed the tool's own schema, which is where the rule's parameter type comes from.
    return (rule as (input: unknown) => boolean)(input)
  } catch {
    return true
  }
}

/** Whether a call that may or may not have happened can simply be made again; `write` is the default of a tool. */
export function isRepeatable(effect: ToolEffect = 'write'): boolean {
  switch (effect) {
    case 'read':
    case 'idempotent':
      return true
    case 'write':
    case 'irreversible':
      return false
    default:
      return assertNever(effect)
  }
}
