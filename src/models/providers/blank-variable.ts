/**
 * Removes a variable that is set to nothing. Some provider packages read their address variable while they are loaded and
 * throw on an empty one; for Troupe an empty variable is a missing one.
 */
export function dropBlankVariable(name: string): void {
  if (process.env[name]?.trim() === '') delete process.env[name]
}
