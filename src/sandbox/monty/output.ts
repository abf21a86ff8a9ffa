/** What one block prints: text is cut into frames at the ends of lines, and counted against the limit. */
export class Output {
  readonly #limit: number
  readonly #onFull: () => void
  #frames: string[] = []
  #buffer = ''
  #printed = 0
  #isFull = false

  /** `onFull`: more was printed than may be; from then on everything is dropped. */
  constructor(limit: number, onFull: () => void) {
    this.#limit = limit
    this.#onFull = onFull
  }

  write(text: string): void {
    if (this.#isFull) return
    this.#buffer += markImages(text)
    if (text.endsWith('\n')) this.#emit(this.#buffer.slice(0, -1))
    else if (this.#buffer.length > this.#limit - this.#printed) this.#emit(this.#buffer)
  }

  /** The rest of an unfinished line. */
  end(): void {
    if (this.#buffer !== '' && !this.#isFull) this.#emit(this.#buffer)
  }

  /** Frames since the last time. */
  take(): string[] {
    return this.#frames.splice(0)
  }

  #emit(text: string): void {
    this.#buffer = ''
    const left = this.#limit - this.#printed
    const bytes = Buffer.byteLength(text)
    if (bytes + 1 <= left) {
      this.#printed += bytes + 1
      this.#frames.push(text)
      return
    }
    const part = cutBytes(text, Math.max(0, left))
    if (part !== '') this.#frames.push(part)
    this.#isFull = true
    this.#onFull()
  }
}

const IMAGE = /\{'type': 'image', 'mediaType': '(image\/[a-z0-9.+-]{1,40})', 'data': '([A-Za-z0-9+/]+={0,2})'\}/g

/** Text as `print` makes it, with a mark in place of each image. */
function markImages(text: string): string {
  if (!text.includes("{'type': 'image'")) return text
  return text.replaceAll(IMAGE, (_whole, mediaType: string, data: string) => imageMark(mediaType, data))
}

/** An image is shown by a mark that the host knows it by (agent/images.ts): its type and some of its characters. */
export function imageMark(mediaType: string, data: string): string {
  const characters = Array.from({ length: 32 }, (_, i) => data[Math.floor((i * data.length) / 32)])
  return `[image: ${mediaType}, ${characters.join('')}]`
}

function cutBytes(text: string, bytes: number): string {
  let end = Math.min(text.length, bytes)
  while (end > 0 && Buffer.byteLength(text.slice(0, end)) > bytes)
    end -= Math.max(1, Math.ceil((Buffer.byteLength(text.slice(0, end)) - bytes) / 3))
  const code = text.charCodeAt(end - 1)
  return text.slice(0, code >= 0xd800 && code < 0xdc00 ? end - 1 : end)
}
