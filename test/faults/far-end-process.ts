/**
 * The world outside, as a process of its own: an HTTP server that counts what was done to it, by the idempotency key that it
 * was done with. Prints its port.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

interface Deed {
  readonly name: string
  readonly key: string
}

const deeds: Deed[] = []
/** Answers of names that are held are given when they are let go. */
const held = new Set<string>()
const waiting: { readonly name: string; answer(): void }[] = []

const server = createServer((request, response) => {
  const [, kind = '', name = ''] = (request.url ?? '').split('/').map(decodeURIComponent)
  request.resume()
  request.on('end', () => serve(kind, name, request, response))
})

function serve(kind: string, name: string, request: IncomingMessage, response: ServerResponse): void {
  const say = (value: unknown): void => void response.end(JSON.stringify(value))
  switch (kind) {
    case 'do': {
      deeds.push({ name, key: String(request.headers['idempotency-key']) })
      const answer = (): void => say(null)
      if (held.has(name)) waiting.push({ name, answer })
      else answer()
      return
    }
    case 'hold':
      held.add(name)
      return say(null)
    case 'let-go':
      held.delete(name)
      for (const each of waiting) if (each.name === name) each.answer()
      return say(null)
    case 'deeds':
      return say(deeds)
    default:
      response.statusCode = 404
      return say(null)
  }
}

server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port))
process.on('disconnect', () => process.exit()) // The test is over, however it ended.
