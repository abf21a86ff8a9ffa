import { limitsOf, type Limits } from '../../sandbox/limits.ts'
import type { GuestFunction, Language, Sandbox, SandboxSession } from '../../sandbox/sandbox.ts'
import type { JsonObject } from '../../util/json.ts'
import { type ConformanceCode, CONFORMANCE_CODE } from './code.ts'

/** What the suite needs of a test framework: Vitest, Jest and node:test with an expect have it. */
export interface TestFramework {
  describe(name: string, tests: () => void): void
  it(name: string, test: () => Promise<void>, timeoutMs?: number): void
  afterAll(after: () => Promise<void>): void
  expect(actual: unknown, message?: string): Matchers
}

export interface Matchers {
  toBe(expected: unknown): void
  toEqual(expected: unknown): void
  toMatchObject(expected: object): void
  toContain(expected: unknown): void
  toBeLessThan(expected: number): void
  readonly not: Pick<Matchers, 'toBe' | 'toContain' | 'toEqual'>
}

/** One language of one sandbox under test. */
export interface Harness extends TestFramework {
  readonly language: Language
  readonly code: ConformanceCode
  /** Python calls tools without `await`, and so one at a time. */
  readonly parallelCalls: boolean
  sandbox(): Sandbox
  /** A session that is closed when `use` has ended. */
  session<T>(use: (session: SandboxSession) => Promise<T>, limits?: Partial<Limits>): Promise<T>
  openSession(limits?: Partial<Limits>): Promise<SandboxSession>
}

const TOOLS: readonly GuestFunction[] = [
  { name: 'echo', parameters: ['value'], signature: 'echo(input: { value?: unknown }): Promise<unknown>' },
  { name: 'add', parameters: ['left', 'right'], signature: 'add(input: { left: number; right: number }): Promise<number>' },
]

const CONTEXT: JsonObject = { city: 'Paris', figures: [1, 2, 3] }

export function harnessFor(language: Language, sandbox: () => Sandbox, framework: TestFramework): Harness {
  const openSession = (limits: Partial<Limits> = {}): Promise<SandboxSession> =>
    sandbox().open({ language, limits: limitsOf({ memoryMb: 64, ...limits }), tools: TOOLS, context: CONTEXT })
  return {
    ...framework,
    language,
    code: CONFORMANCE_CODE[language],
    get parallelCalls() {
      return language === 'typescript' && sandbox().capabilities.parallelCalls
    },
    sandbox,
    openSession,
    async session(use, limits) {
      const session = await openSession(limits)
      try {
        return await use(session)
      } finally {
        await session[Symbol.asyncDispose]()
      }
    },
  }
}
