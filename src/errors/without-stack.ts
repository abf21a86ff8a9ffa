/**
 * Makes an error that has no stack: for reasons of aborts, of which most are never seen, and whose stack would tell nothing. The
 * stack costs many times what the error does.
 */
export function withoutStack<E extends Error>(make: () => E): E {
  const limit = Error.stackTraceLimit
  // Where the intrinsics are frozen this does nothing, and the error has a stack.
  Reflect.set(Error, 'stackTraceLimit', 0)
  try {
    return make()
  } finally {
    Reflect.set(Error, 'stackTraceLimit', limit)
  }
}
