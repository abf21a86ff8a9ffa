import type { JsonValue } from './json.ts'

const LENGTH_BYTES = 4

/** Bytes with a few words about them, in one piece: the length of the JSON text, the text, the bytes. */
export function packEnvelope(header: JsonValue, body: Uint8Array): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(header))
  const packed = new Uint8Array(LENGTH_BYTES + text.length + body.length)
  new DataView(packed.buffer).setUint32(0, text.length)
  packed.set(text, LENGTH_BYTES)
  packed.set(body, LENGTH_BYTES + text.length)
  return packed
}

/** The opposite; null for bytes that are no envelope. The shape of the header is for the caller to check. */
export function openEnvelope(packed: Uint8Array): { readonly header: unknown; readonly body: Uint8Array } | null {
  if (packed.length < LENGTH_BYTES) return null
  const length = new DataView(packed.buffer, packed.byteOffset).getUint32(0)
  const end = LENGTH_BYTES + length
  if (end > packed.length) return null
  try {
    return {
      header: JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(packed.subarray(LENGTH_BYTES, end))),
      body: packed.subarray(end),
    }
  } catch {
    return null
  }
}
