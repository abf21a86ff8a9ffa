import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { DOCKER_SOCKET, IMAGE, itNeeds, noBubblewrap, noDocker, onlyWhenAllAsked } from '../services.ts'
import { place } from './cli-harness.ts'

// Not /tmp: what bubblewrap shows as its root has to be readable by everybody on the way.
const top = mkdtempSync(join(process.getuid?.() === 0 ? '/var/tmp' : tmpdir(), 'troupe-tree-'))
afterAll(() => rmSync(top, { recursive: true, force: true }), 120_000)
const env = { TROUPE_DOCKER_SOCKET: DOCKER_SOCKET }

/** The tree runs both languages, and says so by the command line. */
async function works(rootfs: string): Promise<void> {
  for (const [language, code] of [
    ['python', 'import sys\nsys.version_info[0]'],
    ['typescript', 'const three: number = 3\nthree'],
  ] as const) {
    const { out } = await place().troupe(['exec', '-', '--json', '--sandbox', 'bubblewrap', '--language', language], {
      input: code,
      env: { TROUPE_SANDBOX_ROOTFS: rootfs },
    })
    expect(JSON.parse(out)).toMatchObject({ ok: true, value: 3, isolation: 'namespace' })
  }
}

describe('troupe sandbox build', () => {
  itNeeds(noBubblewrap ?? noDocker)(
    'makes a root tree of an image, and says how long it took and how big it is',
    async () => {
      const out = join(top, 'of-image')
      const built = await place().troupe(['sandbox', 'build', '--image', IMAGE, '--out', out, '--json'], { env })
      expect(built.code, built.err).toBe(0)
      const report = JSON.parse(built.out) as { dir: string; seconds: number; megabytes: number }
      expect(report).toMatchObject({ dir: out, image: IMAGE })
      expect(report.megabytes > 50 && report.seconds >= 0).toBe(true)
      expect(statSync(out).mode & 0o777).toBe(0o755)
      await works(out)
    },
    300_000,
  )

  itNeeds(noDocker)('leaves what is there where the image is missing', async () => {
    const out = join(top, 'kept')
    rmSync(out, { recursive: true, force: true })
    const built = await place().troupe(['sandbox', 'build', '--image', 'troupe/no-such:image', '--out', out], { env })
    expect(built.code).not.toBe(0)
    expect(built.err).toContain('troupe/no-such:image')
    expect(existsSync(out)).toBe(false)
    expect(readdirSync(top).filter((name) => name.endsWith('.next'))).toEqual([])
  })

  it('refuses a package that is no name of one, and packages for an image', async () => {
    const bad = await place().troupe(['sandbox', 'build', '--packages', 'pandas;reboot', '--out', join(top, 'bad')])
    expect([bad.code, bad.err.includes("'pandas;reboot'")]).toEqual([2, true])
    const both = await place().troupe(['sandbox', 'build', '--packages', 'pandas', '--image', 'x', '--out', join(top, 'bad')])
    expect(both.code).toBe(2)
  })

  it('makes one from Debian', { timeout: 300_000 }, async (context) => {
    onlyWhenAllAsked(context)
    const out = join(top, 'of-debian')
    const built = await place().troupe(['sandbox', 'build', '--packages', 'six', '--out', out, '--json'])
    expect(built.code, built.err).toBe(0)
    expect(JSON.parse(built.out)).toMatchObject({ dir: out, packages: ['six'] })
    await works(out)
    const used = await place().troupe(['exec', '-', '--json', '--sandbox', 'bubblewrap', '--language', 'python'], {
      input: 'import six\nsix.PY3',
      env: { TROUPE_SANDBOX_ROOTFS: out, TROUPE_SANDBOX_PACKAGES: 'six' },
    })
    expect(JSON.parse(used.out)).toMatchObject({ ok: true, value: true })
  })
})
