import type { TreeSource } from '../../sandbox/bubblewrap/build-tree.ts'
import type { Command } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { textFlag, usageError } from '../flags.ts'
import { note, printJson, printLine } from '../output.ts'
import { rootTree } from '../sandboxes.ts'
import { JSON_FLAG } from '../shared-flags.ts'

export const sandboxBuildCommand: Command = {
  usage: '',
  about:
    'Makes the root tree of the sandbox bubblewrap: CPython with packages, and Node. Takes minutes and needs mmdebstrap and a Debian mirror, or seconds from a container image.',
  positionals: [0, 0],
  flags: {
    out: { type: 'string', value: 'DIR', about: 'where; default TROUPE_SANDBOX_ROOTFS, else a cache directory' },
    packages: { type: 'string', value: 'a,b', about: 'Python packages by their Debian names, without python3-, or none; default pandas' },
    image: { type: 'string', value: 'NAME', about: 'from a container image that the Docker or Podman daemon has, not from Debian' },
    json: JSON_FLAG,
  },

  async run({ flags }) {
    const dir = textFlag(flags, 'out') ?? rootTree()
    const named = (textFlag(flags, 'packages') ?? 'pandas').split(',').filter((name) => name !== '')
    const packages = named.length === 1 && named[0] === 'none' ? [] : named
    const image = textFlag(flags, 'image')
    if (image !== undefined && flags['packages'] !== undefined)
      throw usageError('--packages are of a tree from Debian: an image has its own')
    await note(`making a root tree at ${dir}; this takes ${image === undefined ? 'some minutes' : 'some seconds'}`)
    const { buildTree } = await import('../../sandbox/bubblewrap/build-tree.ts')
    const from: TreeSource =
      image === undefined
        ? { type: 'debian', packages }
        : {
            type: 'image',
            tar: async () =>
              (await import('../../sandbox/container/export-image.ts')).exportImage(image, process.env['TROUPE_DOCKER_SOCKET']),
          }
    const built = await buildTree({ dir, from, node: process.execPath })
    if (flags['json']) await printJson({ ...built, ...(image === undefined ? { packages } : { image }) })
    else
      await printLine(
        `${built.dir}: ${built.megabytes} MB, made in ${built.seconds} s, ${image === undefined ? `with ${packages.join(', ') || 'no packages'}` : `from ${image}`}`,
      )
    return EXIT.done
  },
}
