/** `kill -9` between calls 3 and 4 of 6 of one program, in every sandbox: 1 to 3 come from the log, 4 to 6 run. */
import { describe, expect } from 'vitest'
import { isEntry } from '../../src/client/entry.ts'
import { DOCKER_SOCKET, IMAGE, itNeeds, noBubblewrap, noDocker, ROOTFS } from '../services.ts'
import type { Order } from './player.ts'
import { expectWhole, RUN, story } from './story.ts'

type Six = NonNullable<Order['six']>

/** Python calls one after another in every sandbox; only TypeScript has several under way. */
const CASES: readonly (readonly [what: string, missing: string | null, six: Six])[] = [
  ['one after another in quickjs', null, { sandbox: 'quickjs', language: 'typescript', isParallel: false }],
  ['all at once in quickjs', null, { sandbox: 'quickjs', language: 'typescript', isParallel: true }],
  ['one after another in monty', null, { sandbox: 'monty', language: 'python', isParallel: false }],
  [
    'one after another in bubblewrap, Python',
    noBubblewrap,
    { sandbox: 'bubblewrap', language: 'python', isParallel: false, rootfs: ROOTFS },
  ],
  [
    'all at once in bubblewrap, TypeScript',
    noBubblewrap,
    { sandbox: 'bubblewrap', language: 'typescript', isParallel: true, rootfs: ROOTFS },
  ],
  ['one after another in a container, Python', noDocker, { ...docker('container'), language: 'python', isParallel: false }],
  ['all at once in a container, TypeScript', noDocker, { ...docker('container'), language: 'typescript', isParallel: true }],
  ['one after another in gVisor, TypeScript', noDocker, { ...docker('gvisor'), language: 'typescript', isParallel: false }],
]

function docker(sandbox: 'container' | 'gvisor'): Pick<Six, 'sandbox' | 'socketPath' | 'image'> {
  return { sandbox, socketPath: DOCKER_SOCKET, image: IMAGE }
}

describe('a program of six calls whose process is killed by kill -9', () => {
  for (const [what, missing, six] of CASES) {
    itNeeds(missing)(
      `${what}: what had ended is not called again, the model not asked again`,
      async () => {
        const told = await story({ agent: 'six', six, next: (kill) => (kill === 0 ? { type: 'entry', entry: 'tool-end', nth: 3 } : null) })
        expectWhole(told, 210)
        expect(told.done['model /1.model']).toBe(1)
        const [killed] = told.kills
        const ended = killed?.entries.filter((entry) => isEntry(entry, 'tool-end')) ?? []
        expect(ended.length).toBeGreaterThanOrEqual(3)
        expect(ended.length).toBeLessThan(6)
        for (const { key } of ended) expect([key, told.done[`${RUN}:${key}`]]).toEqual([key, 1])
        if (!six.isParallel) expect(Object.values(told.done)).toEqual([1, 1, 1, 1, 1, 1, 1])
      },
      180_000,
    )
  }
})
