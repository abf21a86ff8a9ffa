/** How many bytes are made text at once: a call takes only so many arguments. */
const PIECE = 8_192

/** Bytes as base64 text (RFC 4648, 4); without Node's Buffer, which ports do not have. */
export function base64Of(bytes: Uint8Array): string {
  let binary = ''
  for (let at = 0; at < bytes.length; at += PIECE) binary += String.fromCharCode(...bytes.subarray(at, at + PIECE))
  return btoa(binary)
}
