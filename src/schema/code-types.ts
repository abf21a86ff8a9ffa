/**
 * Types that JSON lacks but code in a sandbox can hold: the frames between host and guest carry them in a tagged
 * encoding. A schema for code names one in this keyword; JSON Schema for a model's native tool calling never does.
 */
export const CODE_TYPE = 'x-troupe-type'

/** Written as TypeScript writes them. */
export const CODE_TYPES = ['Date', 'bigint', 'Map<unknown, unknown>', 'Set<unknown>', 'Uint8Array'] as const

export type CodeType = (typeof CODE_TYPES)[number]

const BY_NAME: Readonly<Record<string, CodeType>> = {
  date: 'Date',
  bigint: 'bigint',
  map: 'Map<unknown, unknown>',
  set: 'Set<unknown>',
  uint8array: 'Uint8Array',
}

/** Options of each library's own converter that make it name such types instead of refusing them or dropping them. */
export function codeOptions(vendor: string): Readonly<Record<string, unknown>> {
  switch (vendor) {
    case 'zod':
      return {
        unrepresentable: ({ zodSchema }: { zodSchema: { _zod: { def: { type: string } } } }) => keyword(zodSchema._zod.def.type) ?? 'throw',
      }
    case 'arktype':
      return {
        fallback: {
          date: ({ base }: { base: object }) => ({ ...base, ...keyword('date') }),
          proto: ({ base, proto }: { base: object; proto: { name: string } }) => ({ ...base, ...keyword(proto.name) }),
          domain: ({ base, domain }: { base: object; domain: string }) => ({ ...base, ...keyword(domain) }),
        },
      }
    case 'valibot':
      return { overrideSchema: ({ valibotSchema }: { valibotSchema: { type: string } }) => keyword(valibotSchema.type) }
    default:
      return {}
  }
}

/** The type that a part of a schema names, if it is one we know. */
export function codeTypeOf(value: unknown): CodeType | undefined {
  return CODE_TYPES.find((type) => type === value)
}

function keyword(name: string): Readonly<Record<string, CodeType>> | undefined {
  const type = Object.hasOwn(BY_NAME, name.toLowerCase()) ? BY_NAME[name.toLowerCase()] : undefined
  return type && { [CODE_TYPE]: type }
}
