import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec'
import { TroupeError } from '../errors/troupe-error.ts'
import { base64Of } from '../util/base64.ts'

/** What every provider's models take. */
export type ImageType = 'image/png' | 'image/jpeg' | 'image/gif' | 'image/webp'

/**
 * An image as a value: plain JSON, so it goes wherever a value goes. What agents show their models is found by this shape.
 * As one of a run's `images` it is the URL `data:${mediaType};base64,${data}`.
 */
export interface Image {
  readonly type: 'image'
  /** One of `ImageType`. */
  readonly mediaType: string
  /** The bytes in base64 (RFC 4648, 4), no data URL. */
  readonly data: string
}

/** Bytes that an image may have: about what providers take. An agent's `limits.answerBytes` is met long before where nobody has raised it. */
const MAX_IMAGE_BYTES = 5 * 1024 * 1024

/** How the base64 of each type begins: a provider refuses the whole request for an image that is not what it says. */
const BEGINNINGS: Readonly<Record<ImageType, RegExp>> = {
  'image/png': /^iVBORw0KGg/,
  'image/jpeg': /^\/9j\//,
  'image/gif': /^R0lGOD[dl]/,
  'image/webp': /^UklGR.{6}XRUJQ/,
}

/**
 * An image for a tool to return, alone or anywhere within its output: bytes, or their base64. Throws `tool/output` for
 * another media type than PNG, JPEG, GIF and WebP, for data that is not of that type, and for more than 5 MiB.
 */
export function image(data: Uint8Array | string, mediaType: ImageType): Image {
  const isText = typeof data === 'string'
  if (!isText && !(data instanceof Uint8Array)) throw noImage('its data is neither bytes (a Uint8Array) nor their base64')
  const bytes = isText ? sizeOf(data) : data.length
  if (bytes > MAX_IMAGE_BYTES) throw noImage(tooLarge(bytes))
  const value: Image = { type: 'image', mediaType, data: isText ? data : base64Of(data) }
  const problem = problemOf(value)
  if (problem !== undefined) throw noImage(problem)
  return value
}

function noImage(problem: string): TroupeError {
  return new TroupeError('tool/output', `not an image: ${problem}`)
}

/** Whether a value is meant as an image; its data may still be none. */
export function isImage(value: unknown): value is Image {
  if (typeof value !== 'object' || value === null) return false
  const { type, mediaType, data } = value as Partial<Record<string, unknown>>
  return type === 'image' && typeof mediaType === 'string' && typeof data === 'string'
}

/** What a model could not take of an image; nothing where it can. */
function problemOf({ mediaType, data }: Image): string | undefined {
  const beginning = Object.hasOwn(BEGINNINGS, mediaType) ? BEGINNINGS[mediaType as ImageType] : undefined
  if (!beginning) return `its media type is ${JSON.stringify(mediaType)}, and can be ${Object.keys(BEGINNINGS).join(', ')}`
  const bytes = sizeOf(data)
  if (bytes > MAX_IMAGE_BYTES) return tooLarge(bytes)
  if (data.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(data))
    return `its data is not base64, or not padded: ${JSON.stringify(data.slice(0, 40))}${data.length > 40 ? '…' : ''}`
  return beginning.test(data) ? undefined : `its data is no ${mediaType}: it begins with ${JSON.stringify(data.slice(0, 16))}`
}

function tooLarge(bytes: number): string {
  return `it has ${sizeText(bytes)}, and may have ${sizeText(MAX_IMAGE_BYTES)}: make it smaller, or of fewer colours`
}

/** `image/png, 12 KiB`. */
export function imageText({ mediaType, data }: Image): string {
  return `${mediaType}, ${sizeText(sizeOf(data))}`
}

function sizeOf(base64: string): number {
  const padding = base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0
  return Math.max(0, Math.floor((base64.length * 3) / 4) - padding)
}

function sizeText(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`
  return bytes < 1024 * 1024 ? `${Math.round(bytes / 1024)} KiB` : `${(bytes / 1024 / 1024).toFixed(1)} MiB`
}

/** A value of tagged JSON text with something else in the place of each image, in the order of the text. The text itself where it has none. */
export function withImages(encoded: string, replace: (found: Image) => unknown): { readonly value: unknown } | null {
  if (!encoded.includes('"type":"image"')) return null
  let found = false
  const value: unknown = JSON.parse(encoded, (_key, part: unknown) => {
    if (!isImage(part)) return part
    found = true
    return replace(part)
  })
  return found ? { value } : null
}

/** The images in a value of tagged JSON text. */
export function imagesIn(encoded: string): readonly Image[] {
  const found: Image[] = []
  withImages(encoded, (one) => found.push(one))
  return found
}

/** What is wrong with the first image of a value of tagged JSON text that is none. */
export function imageProblem(encoded: string): string | undefined {
  for (const one of imagesIn(encoded)) {
    const problem = problemOf(one)
    if (problem !== undefined) return problem
  }
  return undefined
}

const DOCUMENT = {
  type: 'object',
  description: 'An image. Code sees it when it prints it or gives it as its last value.',
  properties: {
    type: { const: 'image' },
    mediaType: { enum: Object.keys(BEGINNINGS) },
    data: { type: 'string', description: 'base64' },
  },
  required: ['type', 'mediaType', 'data'],
  additionalProperties: false,
}

/**
 * The schema of an image, as `output` of a tool or an agent. Within an object of another library, say its three fields:
 * `z.object({ type: z.literal('image'), mediaType: z.string(), data: z.string() })`.
 */
export const imageSchema: StandardSchemaV1<Image> & StandardJSONSchemaV1<Image> = {
  '~standard': {
    version: 1,
    vendor: 'troupe',
    validate: (value) => {
      const problem = isImage(value) ? problemOf(value) : `it is no { type: 'image', mediaType, data }`
      return problem === undefined && isImage(value) ? { value } : { issues: [{ message: `not an image: ${problem}` }] }
    },
    jsonSchema: { input: () => DOCUMENT, output: () => DOCUMENT },
  },
}
