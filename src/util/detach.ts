/**
 * Lets work go on by itself. It must answer for its own faults: one that rejects all the same is a defect of this
 * program, and is thrown where nobody can mistake it for anything else.
 */
export function detach(work: Promise<unknown>): void {
  work.catch((error: unknown) => {
    queueMicrotask(() => {
      throw error
    })
  })
}
