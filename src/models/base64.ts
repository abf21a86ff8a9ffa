/** Bytes as base64 text (RFC 4648, 4); without Node's Buffer, which ports do not have. */
export function base64Of(bytes: Uint8Array): string {
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary)
}
