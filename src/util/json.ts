/** A value that JSON carries without loss. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject

/** A JSON object; absent properties are absent, never `undefined` on the wire. */
export interface JsonObject {
  readonly [key: string]: JsonValue | undefined
}
