import { TroupeError } from '../errors/troupe-error.ts'
import { pythonName } from '../schema/python-name.ts'
import { isReservedName } from './reserved.ts'

/** What a name inside the sandbox stands for. */
export type NameKind = 'tool' | 'agent' | 'context key'

/** A name that code in the sandbox sees. Tools and agents are there by their snake_case name as well. */
export interface GuestName {
  readonly name: string
  readonly kind: NameKind
}

const NAME = /^[A-Za-z][A-Za-z0-9_]{0,63}$/

/**
 * Makes sure that a name can be a function in both languages. Throws `tool/bad-name` when it has other characters than
 * letters, digits and underscores, is too long, or is a reserved word or builtin of TypeScript or Python.
 */
export function checkName(name: string, kind: NameKind): void {
  if (typeof name !== 'string' || !NAME.test(name)) {
    throw badName(name, kind, 'a name starts with a letter and has up to 64 letters, digits and underscores')
  }
  for (const form of new Set([name, pythonName(name)])) {
    if (isReservedName(form))
      throw badName(name, kind, `'${form}' is a reserved word or builtin of TypeScript, Python or the sandbox; choose another name`)
  }
}

/**
 * Makes sure that no two names meet in either language: `readContext` and `read_context` are one name in Python.
 * Throws `tool/name-clash` with both in the message.
 */
export function checkNames(names: Iterable<GuestName>): void {
  const owners = new Map<string, GuestName>()
  for (const one of names) {
    claim(owners, one.name, one)
    const other = one.kind === 'context key' ? one.name : pythonName(one.name)
    if (other !== one.name) claim(owners, other, one)
  }
}

function claim(owners: Map<string, GuestName>, form: string, owner: GuestName): void {
  const other = owners.get(form)
  if (other) throw clash(other, owner, form)
  owners.set(form, owner)
}

function badName(name: string, kind: NameKind, why: string): TroupeError {
  return new TroupeError('tool/bad-name', `the ${kind} name ${JSON.stringify(name)} cannot be used: ${why}`, {
    details: { name: String(name), kind },
  })
}

function clash(first: GuestName, second: GuestName, form: string): TroupeError {
  const how = first.name === second.name ? `have the same name` : `are both '${form}' in Python`
  return new TroupeError(
    'tool/name-clash',
    `the ${first.kind} '${first.name}' and the ${second.kind} '${second.name}' ${how}: rename one of them`,
    {
      details: { first: first.name, second: second.name, name: form },
    },
  )
}
