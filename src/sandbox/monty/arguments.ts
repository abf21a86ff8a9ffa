import { TroupeError } from '../../errors/troupe-error.ts'
import { pythonName } from '../../schema/python-name.ts'
import type { GuestFunction } from '../sandbox.ts'
import { fromPython, objectOf } from './values.ts'

/**
 * What a call means: exactly one dict with text for its keys is the named form, anything else goes by position and by
 * keyword, in the parameters' own names or in snake_case. Throws for what does not fit, with the signature.
 */
export function namedArguments({ parameters, signature }: GuestFunction, args: readonly unknown[], kwargs: object): unknown {
  const named = Object.entries(kwargs)
  const [first] = args
  if (args.length === 1 && named.length === 0 && first instanceof Map && [...first.keys()].every((key) => typeof key === 'string'))
    return fromPython(first, 1)
  if (args.length > parameters.length)
    throw new TroupeError('tool/arguments', `too many arguments: ${args.length} for ${parameters.length}. Call it as ${signature}`)
  const given = new Map(args.map((value, at) => [parameters[at] ?? '', fromPython(value, 2)]))
  for (const [keyword, value] of named) {
    const name = parameters.includes(keyword) ? keyword : (parameters.find((own) => pythonName(own) === keyword) ?? keyword)
    if (given.has(name)) throw new TroupeError('tool/arguments', `got two values for '${name}'. Call it as ${signature}`)
    given.set(name, fromPython(value, 2))
  }
  return objectOf([...given])
}
