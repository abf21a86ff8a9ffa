/** A promise that never settles and that nothing holds: how an operation of a disposed activation is dropped. */
export function dropped<T>(): Promise<T> {
  return new Promise<T>(() => {})
}
