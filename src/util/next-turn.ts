/** Resolves after everything that is runnable now has run: a macrotask later, without a timer's millisecond. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
