import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { TroupeError } from '../../errors/troupe-error.ts'
import { openEnvelope, packEnvelope } from '../../util/envelope.ts'
import type { JsonObject } from '../../util/json.ts'
import type { VmImage } from './vm.ts'

/** How a kept session stood, besides its interpreter. */
export type KeptState = {
  readonly step: number
  readonly code: string
  readonly ticks: number
  readonly jobs: number
  readonly spentMs: number
  readonly clock: number
  readonly ranOutOfMemory: boolean
}

interface Header {
  readonly state: KeptState
  readonly guest: readonly number[]
  readonly main: number | null
  readonly bytes: number
}

/** The most that an interpreter of 32 bits can have. */
const MAX_BYTES = 0x1_0000_0000

/** An interpreter's memory is mostly zeros: 1.3 MB become about 100 KB in 1 to 2 ms. */
export function packImage(state: KeptState, { memory, guest, main }: VmImage): Uint8Array {
  return packEnvelope({ state, guest: [...guest], main, bytes: memory.length }, zstdCompressSync(memory))
}

/** Throws when the bytes are no image. They must come from us: what they say is not checked further. */
export function unpackImage(packed: Uint8Array): { readonly state: KeptState; readonly image: VmImage } {
  const opened = openEnvelope(packed)
  if (opened === null) throw notAnImage()
  const { state, guest, main, bytes } = opened.header as Header & JsonObject
  if (!Number.isInteger(bytes) || bytes > MAX_BYTES || !Array.isArray(guest)) throw notAnImage()
  const memory = zstdDecompressSync(opened.body, { maxOutputLength: bytes })
  if (memory.length !== bytes) throw notAnImage()
  return { state, image: { memory, guest, main } }
}

function notAnImage(): TroupeError {
  return new TroupeError(
    'sandbox/snapshot-refused',
    'the snapshot is no image of a session, or not a whole one: replay the steps of the run',
  )
}
