const LOOK_MS = 10

/** Waits until something has come about; throws when that takes longer than anything that works. */
export async function until(isSo: () => boolean | Promise<boolean>, timeoutMs: number = 90_000): Promise<void> {
  const end = performance.now() + timeoutMs
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`it did not come about in ${timeoutMs} ms: ${String(isSo)}`)
    await pause(LOOK_MS)
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}
