/** Makes the text of any value for the model. */
export type Inspect = (value: unknown, budget: number) => string

/**
 * Makes the function that shows values to the model: JSON-like, one line, and readable for Map, Set, class instances and
 * functions. It calls no getter and no method of the value, so the text is the same in every replay; a string on top is shown as it is.
 * Runs in the guest from its source text: it refers to nothing outside itself (see util/codec.ts).
 */
export function createInspect(): Inspect {
  const { apply, getPrototypeOf, ownKeys } = Reflect
  const { getOwnPropertyDescriptor } = Object
  const { stringify } = JSON
  const isArray = Array.isArray
  const [tagOf, slice, exec, symbolText] = [
    Object.prototype.toString,
    String.prototype.slice,
    RegExp.prototype.exec,
    Symbol.prototype.toString,
  ]
  const [mapEach, setEach, dateTime, dateIso] = [
    Map.prototype.forEach,
    Set.prototype.forEach,
    Date.prototype.getTime,
    Date.prototype.toISOString,
  ]
  const [functionText, regexText] = [Function.prototype.toString, RegExp.prototype.toString]
  const mapSize = (getOwnPropertyDescriptor(Map.prototype, 'size') as { get: () => number }).get
  const setSize = (getOwnPropertyDescriptor(Set.prototype, 'size') as { get: () => number }).get
  const typedProto = getPrototypeOf(Uint8Array.prototype) as object
  const typedTag = (getOwnPropertyDescriptor(typedProto, Symbol.toStringTag) as { get: () => string | undefined }).get
  const [objectProto, IDENTIFIER, CLASS, IMAGE] = [Object.prototype, /^[A-Za-z_$][\w$]*$/, /^class\b/, /^image\/[a-z0-9.+-]{1,40}$/]
  const floor = Math.floor
  const [MAX_DEPTH, MAX_ITEMS, MAX_STRING] = [6, 100, 2_000]

  interface Work {
    left: number
    up: Above | null
    depth: number
  }
  interface Above {
    readonly value: object
    readonly up: Above | null
  }

  const cut = (text: string, at: number): string => {
    if (text.length <= at) return text
    const half = at >> 1
    return `${apply(slice, text, [0, half])} … ${text.length - 2 * half} characters left out … ${apply(slice, text, [text.length - half])}`
  }

  function show(value: unknown, work: Work): string {
    const text = showWhole(value, work)
    work.left -= text.length
    return text
  }

  function showWhole(value: unknown, work: Work): string {
    switch (typeof value) {
      case 'string':
        return stringify(cut(value, MAX_STRING))
      case 'bigint':
        return `${value}n`
      case 'number':
        return value === 0 && 1 / value < 0 ? '-0' : `${value}`
      case 'symbol':
        return apply(symbolText, value, []) as string
      case 'function':
        return showFunction(value)
      case 'object':
        break
      default:
        return `${value as undefined}`
    }
    if (value === null) return 'null'
    for (let at = work.up; at !== null; at = at.up) if (at.value === value) return '[Circular]'
    if (work.depth >= MAX_DEPTH) return isArray(value) ? '[Array]' : `[${nameOf(value) || 'Object'}]`
    work.up = { value, up: work.up }
    work.depth++
    try {
      return showObject(value, work)
    } finally {
      work.up = (work.up as Above).up
      work.depth--
    }
  }

  function showFunction(value: object): string {
    const name = ownText(value, 'name')
    const isClass = apply(exec, CLASS, [apply(functionText, value, []) as string]) !== null
    return isClass ? `[class ${name || '(anonymous)'}]` : `[Function${name === '' ? '' : `: ${name}`}]`
  }

  function showObject(value: object, work: Work): string {
    if (isArray(value)) return list(value, value.length, '[', ']', work)
    const image = markOf(value)
    if (image !== '') return image
    const view = apply(typedTag, value, [])
    if (view !== undefined) {
      const items = value as ArrayLike<unknown>
      return `${view}(${items.length}) ${list(items, items.length, '[', ']', work)}`
    }
    const name = nameOf(value)
    switch (apply(tagOf, value, []) as string) {
      case '[object Map]': {
        const parts = gather(work)
        apply(mapEach, value, [(item: unknown, key: unknown) => parts.add(() => `${show(key, work)} => ${show(item, work)}`)])
        return `${name || 'Map'}(${apply(mapSize, value, []) as number}) ${parts.text('{ ', ' }', '{}')}`
      }
      case '[object Set]': {
        const parts = gather(work)
        apply(setEach, value, [(item: unknown) => parts.add(() => show(item, work))])
        return `${name || 'Set'}(${apply(setSize, value, []) as number}) ${parts.text('{ ', ' }', '{}')}`
      }
      case '[object Date]': {
        const time = apply(dateTime, value, []) as number
        return time === time ? (apply(dateIso, value, []) as string) : 'Invalid Date'
      }
      case '[object RegExp]':
        return apply(regexText, value, []) as string
      case '[object Error]':
        return `[${ownText(value, 'name') || name || 'Error'}: ${cut(ownText(value, 'message'), MAX_STRING)}]`
      case '[object Promise]':
        return 'Promise { not awaited }'
      default:
        return `${name === '' || name === 'Object' ? '' : `${name} `}${properties(value, work)}`
    }
  }

  /** An image is shown by a mark that the host knows it by (agent/images.ts): its type and some of its characters. */
  function markOf(value: object): string {
    if (getOwnPropertyDescriptor(value, 'mediaType') === undefined || ownText(value, 'type') !== 'image') return ''
    const [mediaType, data] = [ownText(value, 'mediaType'), ownText(value, 'data')]
    if (data === '' || apply(exec, IMAGE, [mediaType]) === null) return ''
    let characters = ''
    for (let i = 0; i < 32; i++) characters += data[floor((i * data.length) / 32)] as string
    return `[image: ${mediaType}, ${characters}]`
  }

  function properties(value: object, work: Work): string {
    const parts = gather(work)
    const keys = ownKeys(value)
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] as string | symbol
      const descriptor = getOwnPropertyDescriptor(value, key)
      if (descriptor === undefined || !descriptor.enumerable) continue
      const label =
        typeof key === 'symbol'
          ? `[${apply(symbolText, key, []) as string}]`
          : apply(exec, IDENTIFIER, [key]) !== null
            ? key
            : stringify(key)
      if (parts.add(() => `${label}: ${'value' in descriptor ? show(descriptor.value, work) : '[Getter]'}`)) break
    }
    return parts.text('{ ', ' }', '{}')
  }

  function list(items: ArrayLike<unknown>, length: number, before: string, after: string, work: Work): string {
    const parts = gather(work, length)
    for (let i = 0; i < length; i++) if (parts.add(() => show(items[i], work))) break
    return parts.text(before, after, before + after)
  }

  /** Joins items with commas until there are too many or the budget is spent; then counts what is left out. `add` says when it is full. */
  function gather(
    work: Work,
    total = -1,
  ): { add(item: () => string): boolean; text(before: string, after: string, empty: string): string } {
    let text = ''
    let shown = 0
    let seen = 0
    const isFull = (): boolean => shown >= MAX_ITEMS || work.left <= 0
    return {
      add(item) {
        seen++
        if (isFull()) return true
        text += `${text === '' ? '' : ', '}${item()}`
        shown++
        return false
      },
      text(before, after, empty) {
        if (seen === 0 && total <= 0) return empty
        const more = (total < 0 ? seen : total) - shown
        return `${before}${text}${more > 0 ? `${text === '' ? '' : ', '}… ${total < 0 && shown >= MAX_ITEMS ? 'more' : `${more} more`}` : ''}${after}`
      },
    }
  }

  /** The class's name, '' for a plain object, read without running a getter. */
  function nameOf(value: object): string {
    const proto = getPrototypeOf(value)
    if (proto === objectProto || proto === null) return ''
    const descriptor = getOwnPropertyDescriptor(proto, 'constructor')
    const constructor: unknown = descriptor === undefined ? undefined : descriptor.value
    return typeof constructor === 'function' ? ownText(constructor, 'name') : ''
  }

  function ownText(value: object, key: string): string {
    for (let at: object | null = value, steps = 0; at !== null && steps < 8; at = getPrototypeOf(at), steps++) {
      const descriptor = getOwnPropertyDescriptor(at, key)
      if (descriptor !== undefined) return typeof descriptor.value === 'string' ? descriptor.value : ''
    }
    return ''
  }

  return (value, budget) =>
    typeof value === 'string' ? cut(value, budget) : cut(show(value, { left: budget, up: null, depth: 0 }), budget * 2)
}
