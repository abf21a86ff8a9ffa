import { quickjs } from 'troupe/sandbox/quickjs'
import { openSession, runStep } from '../harness/guest.ts'
import { row, type Row } from '../harness/row.ts'

const SESSIONS = 200

/** Memory of sessions that are open at once, each with a variable of its own. */
export async function measure(): Promise<readonly Row[]> {
  await using sandbox = quickjs()
  await using first = await openSession(sandbox)
  await runStep(first, 'const own = [1]\nown.length')
  const before = rssMb()
  const sessions = await Promise.all(Array.from({ length: SESSIONS }, () => openSession(sandbox)))
  const begun = performance.now()
  for (const session of sessions) await runStep(session, 'const own = Array.from({ length: 1_000 }, (_, i) => i)\nown.length')
  const openedMs = (performance.now() - begun) / SESSIONS
  const grown = rssMb() - before
  for (const session of sessions) if ((await runStep(session, 'own.length')) !== '1000') throw new Error('a session lost its variable')
  await Promise.all(sessions.map((session) => session[Symbol.asyncDispose]()))
  return [
    row({ what: '200 live sessions, growth of the resident set', unit: 'MB', samples: [{ value: grown }], target: { atMost: 300 } }),
    row({ what: 'each of these sessions and its first execute', unit: 'ms', samples: [{ value: openedMs }] }),
  ]
}

function rssMb(): number {
  return process.memoryUsage.rss() / 2 ** 20
}
