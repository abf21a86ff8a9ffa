import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'

/** A bare file name with one ending: what a model names cannot lead out of the folder. */
export function FileName(ending: string): z.ZodString {
  return z.string().regex(new RegExp(`^[A-Za-z0-9][A-Za-z0-9-]*\\.${ending}$`), `a file name such as prices.${ending}, without a folder`)
}

/** Writes a file whole, so that writing it again after a crash does no harm, and gives its path. */
export async function save(folder: string, fileName: string, text: string): Promise<string> {
  await mkdir(folder, { recursive: true })
  const path = join(folder, fileName)
  await writeFile(path, text)
  return path
}
