import { existsSync } from 'node:fs'
import { messageOf } from '../../errors/troupe-error.ts'
import type { Command } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { printJson, printLine } from '../output.ts'
import { rootTree, sandboxImage, SANDBOX_NAMES, sandboxOf } from '../sandboxes.ts'
import { JSON_FLAG } from '../shared-flags.ts'
import { oneLine } from '../text.ts'

interface Row {
  readonly name: string
  readonly isolation: string
  readonly languages: readonly string[]
  readonly available: boolean
  readonly version?: string
  readonly why?: string
}

export const sandboxLsCommand: Command = {
  usage: '',
  about: 'The sandboxes: isolation, languages, whether this machine has them, and the root tree and image that they take.',
  positionals: [0, 0],
  flags: { json: JSON_FLAG },

  async run({ flags }) {
    const rows = await Promise.all(SANDBOX_NAMES.map(examine))
    const tree = { dir: rootTree(), exists: existsSync(rootTree()) }
    if (flags['json']) await printJson({ sandboxes: rows, rootTree: tree, image: sandboxImage() })
    else {
      for (const { name, isolation, languages, available, version, why } of rows)
        await printLine(
          `${available ? 'ok  ' : '--  '}${name}: ${isolation}, ${languages.join(', ')}${version === undefined ? '' : `, version ${version}`}${why === undefined ? '' : `: ${oneLine(why)}`}`,
        )
      await printLine(`    root tree ${tree.dir}${tree.exists ? '' : ' (not there)'}, image ${sandboxImage()}`)
    }
    return EXIT.done
  },
}

async function examine(name: string): Promise<Row> {
  const sandbox = await sandboxOf(name)
  const { isolation } = sandbox.capabilities
  const row = { name, isolation, languages: sandbox.languages }
  try {
    const version = await sandbox.check?.(sandbox.languages[0] ?? 'typescript')
    return { ...row, available: true, ...(version !== undefined && { version }) }
  } catch (error) {
    return { ...row, available: false, why: messageOf(error) }
  } finally {
    await (sandbox as Partial<AsyncDisposable>)[Symbol.asyncDispose]?.()
  }
}
