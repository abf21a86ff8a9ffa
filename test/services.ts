import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { request } from 'node:http'
import { it, type TestContext } from 'vitest'

/** What `scripts/services` brings, where it is: the variables that it prints, else its own places. */
export const ROOTFS: string = process.env['TROUPE_SANDBOX_ROOTFS'] ?? '/var/cache/troupe/rootfs'
export const DOCKER_SOCKET: string = process.env['TROUPE_DOCKER_SOCKET'] ?? '/var/tmp/troupe-services/docker.sock'
export const IMAGE: string = process.env['TROUPE_SANDBOX_IMAGE'] ?? 'troupe/sandbox:dev'

const isRequired = process.env['TROUPE_REQUIRE_SERVICES'] === '1'
const HOW = 'scripts/services brings it'

/** Why the tests of bubblewrap cannot run here; null where they can. */
export const noBubblewrap: string | null = reasonOf(() => {
  if (process.platform !== 'linux') return 'bubblewrap needs Linux'
  if (process.getuid?.() !== 0) return 'the tests of bubblewrap make cgroups, which takes root'
  if (!existsSync(ROOTFS)) return `there is no root tree at ${ROOTFS}`
  execFileSync('bwrap', ['--version'])
  return null
})

/** Why the tests of containers cannot run here; null where they can. */
export const noDocker: string | null = await dockerReason()

type Test = (context: TestContext) => unknown

/** `it` of vitest, except that tests are skipped by name, with the reason, where a service is missing; they fail where it is required. */
export function itNeeds(missing: string | null): (name: string, test: Test, timeoutMs?: number) => void {
  if (missing === null) return (name, test, timeoutMs) => it(name, (context) => test(context) as Promise<void>, timeoutMs)
  return (name) =>
    it(name, (context) => {
      if (isRequired) throw new Error(`${missing}, and TROUPE_REQUIRE_SERVICES=1 says that it must be there`)
      context.skip(`${missing}: ${HOW}`)
    })
}

/** Whether everything is asked for, as `.ci/run` does: what takes long too. */
export const isAllAsked: boolean = isRequired

/** A `beforeEach` for what would keep a plain `npm test` from ending within five minutes: skipped by name unless everything is asked for. */
export function onlyWhenAllAsked({ skip }: Pick<TestContext, 'skip'>): void {
  if (!isAllAsked) skip('it takes long: TROUPE_REQUIRE_SERVICES=1 runs it')
}

function reasonOf(check: () => string | null): string | null {
  try {
    return check()
  } catch (error) {
    return (error as Error).message.split('\n')[0] ?? 'unknown'
  }
}

async function dockerReason(): Promise<string | null> {
  if (!existsSync(DOCKER_SOCKET)) return `there is no Docker daemon at ${DOCKER_SOCKET}`
  return new Promise((resolve) => {
    const asked = request({ socketPath: DOCKER_SOCKET, path: `/images/${IMAGE}/json`, timeout: 5_000 }, (answer) => {
      answer.resume()
      resolve(answer.statusCode === 200 ? null : `the Docker daemon has no image ${IMAGE}`)
    })
    asked.on('error', (error) => resolve(`the Docker daemon does not answer: ${error.message}`))
    asked.on('timeout', () => asked.destroy(new Error('no answer in 5 s')))
    asked.end()
  })
}
