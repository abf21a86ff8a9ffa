import type { LanguageModelV4FilePart } from '@ai-sdk/provider'
import type { ModelReply } from '../models/model.ts'
import { imageText, imagesIn, isImage, withImages, type Image } from '../tools/image.ts'
import { decode } from '../util/codec.ts'
import type { Execution } from '../sandbox/sandbox.ts'
import { LAST_VALUE } from './observation.ts'
import type { CodeStep } from './sessions.ts'

/** Images of one step that a model is shown; those after them it is only told of. */
const MAX_IMAGES = 8

/** The images of one step, in the order in which its text names them. */
export interface Gallery {
  readonly images: readonly Image[]
  /** The text that stands for an image: `[image 1: image/png, 12 KiB]`. The same image has one number. */
  name(image: Image): string
}

export function openGallery(): Gallery {
  const images: Image[] = []
  return {
    images,
    name(image) {
      const text = imageText(image)
      const known = images.findIndex((one) => one.data === image.data)
      if (known < 0 && images.length === MAX_IMAGES) return `[image: ${text}, not shown: a step shows ${MAX_IMAGES} at most]`
      const number = known < 0 ? images.push(image) : known + 1
      return `[image ${number}: ${text}]`
    },
  }
}

/** An answer's tagged JSON as text for the model: text stays text, an image is named, everything else is the JSON that it is. */
export function answerText(encoded: string, gallery: Gallery): string {
  const changed = withImages(encoded, (image) => gallery.name(image))
  const value: unknown = changed ? changed.value : JSON.parse(encoded)
  if (typeof value === 'string') return value
  return changed ? JSON.stringify(value) : encoded
}

/** How code shows an image that it prints (`sandbox/inspect.ts` and its twins for Python): by its type and some of its characters. */
const MARK = /\[image: (image\/[a-z0-9.+-]{1,40}), ([A-Za-z0-9+/=]{32})\]/g

function markOf({ mediaType, data }: Image): string {
  const characters = Array.from({ length: 32 }, (_, i) => data[Math.floor((i * data.length) / 32)])
  return `[image: ${mediaType}, ${characters.join('')}]`
}

/**
 * An observation with each image that the code has printed or given as its last value. An image is known when a call of
 * this step or an earlier one gave it, or when it is in the last value.
 */
export async function observedImages(
  text: string,
  execution: Execution,
  steps: readonly CodeStep[],
): Promise<{ readonly text: string; readonly images: readonly Image[] }> {
  const gallery = openGallery()
  const own = execution.type === 'value' ? execution.value : undefined
  const whole: unknown = own !== undefined && imagesIn(own).length > 0 ? decode(own) : undefined
  const wanted = new Set(text.match(MARK))
  // A Python dict that the code has made is not marked where its keys have another order: it is an image all the same.
  const isBare = isImage(whole) && !wanted.has(markOf(whole))
  if (wanted.size === 0 && !isBare) return { text, images: [] }

  const found = await knownImages(wanted, own === undefined ? [] : imagesIn(own), steps)
  const named = text.replaceAll(MARK, (mark, mediaType: string) => {
    const image = found.get(mark)
    return image ? gallery.name(image) : `[image: ${mediaType}, not shown: make it the last value of the step]`
  })
  const shown = isBare ? `${named.slice(0, Math.max(0, named.lastIndexOf(LAST_VALUE)))}${LAST_VALUE}${gallery.name(whole)}` : named
  return { text: shown, images: gallery.images }
}

/** Looks from the newest step back, so that what a step shows costs nothing where nothing is shown. */
async function knownImages(
  wanted: ReadonlySet<string>,
  own: readonly Image[],
  steps: readonly CodeStep[],
): Promise<ReadonlyMap<string, Image>> {
  const found = new Map<string, Image>()
  const add = (images: readonly Image[]): void => {
    for (const image of images) {
      const mark = markOf(image)
      if (wanted.has(mark) && !found.has(mark)) found.set(mark, image)
    }
  }
  add(own)
  for (const { ctx, step } of steps.toReversed()) {
    if (found.size === wanted.size) break
    const action = await ctx.action(step)
    action.close()
    for (const { answer } of action.recorded) if (answer?.ok) add(imagesIn(answer.value))
  }
  return found
}

export function imagePart({ mediaType, data }: Image): LanguageModelV4FilePart {
  return { type: 'file', mediaType, data: { type: 'data', data } }
}

/** The images of a model's answer as the value of an answer: the one, or all; nothing when there is none. */
export function imageAnswer({ content = [] }: ModelReply): string | undefined {
  const images = content.flatMap((part): Image[] =>
    part.type === 'file' && part.mediaType.startsWith('image/') && part.base64 !== undefined
      ? [{ type: 'image', mediaType: part.mediaType, data: part.base64 }]
      : [],
  )
  return images.length === 0 ? undefined : JSON.stringify(images.length === 1 ? images[0] : images)
}
