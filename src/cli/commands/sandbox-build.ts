import type { Command } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { textFlag } from '../flags.ts'
import { note, printJson, printLine } from '../output.ts'
import { rootTree } from '../sandboxes.ts'
import { JSON_FLAG } from '../shared-flags.ts'

export const sandboxBuildCommand: Command = {
  usage: '',
  about:
    'Makes the root tree of the sandbox bubblewrap: CPython with packages, and Node. Takes minutes; needs mmdebstrap and a Debian mirror.',
  positionals: [0, 0],
  flags: {
    out: { type: 'string', value: 'DIR', about: 'where; default TROUPE_SANDBOX_ROOTFS, else a cache directory' },
    packages: { type: 'string', value: 'a,b', about: 'Python packages by their Debian names, without python3-; default pandas' },
    json: JSON_FLAG,
  },

  async run({ flags }) {
    const dir = textFlag(flags, 'out') ?? rootTree()
    const packages = (textFlag(flags, 'packages') ?? 'pandas').split(',').filter((name) => name !== '')
    await note(`making a root tree at ${dir}; this takes some minutes`)
    const { buildTree } = await import('../../sandbox/bubblewrap/build-tree.ts')
    const built = await buildTree({ dir, packages, node: process.execPath })
    if (flags['json']) await printJson({ ...built, packages })
    else await printLine(`${built.dir}: ${built.megabytes} MB, made in ${built.seconds} s, with ${packages.join(', ') || 'no packages'}`)
    return EXIT.done
  },
}
