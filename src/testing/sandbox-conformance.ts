import type { Sandbox } from '../sandbox/sandbox.ts'
import { callConformance } from './sandbox-conformance/calls.ts'
import { harnessFor, type TestFramework } from './sandbox-conformance/harness.ts'
import { limitConformance } from './sandbox-conformance/limits.ts'
import { stateConformance } from './sandbox-conformance/state.ts'
import { worldConformance } from './sandbox-conformance/world.ts'

export type { TestFramework as SandboxTestFramework }

/**
 * Everything that a sandbox has to promise, as tests of the given framework, for every language that the adapter runs.
 * `open` is called once; a sandbox that can be disposed of is disposed of after the last test. Tests that a tier's
 * capabilities rule out (parallel calls, exact replay) are left out. Needs no model and no network.
 */
export function sandboxConformance(name: string, open: () => Sandbox, framework: TestFramework): void {
  const sandbox = open()
  for (const language of sandbox.languages) {
    const harness = harnessFor(language, () => sandbox, framework)
    framework.describe(`sandbox ${name}, ${language}`, () => {
      stateConformance(harness)
      callConformance(harness)
      limitConformance(harness)
      worldConformance(harness)
    })
  }
  framework.afterAll(async () => {
    if (Symbol.asyncDispose in sandbox) await (sandbox as Sandbox & AsyncDisposable)[Symbol.asyncDispose]()
  })
}
