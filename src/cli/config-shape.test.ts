import { describe, expect, it } from 'vitest'
import { AMQP_SHAPE, shapeFault } from './config-shape.ts'

const fault = (amqp: unknown): string | undefined => shapeFault('amqp', amqp, AMQP_SHAPE)

describe('amqp in the configuration', () => {
  it.each([
    {},
    { url: 'amqps://guest:secret@host/v', store: 'my-store_1', tasks: true, serve: ['a'], results: true, events: true },
    { tasks: { queue: 'jobs', prefetch: 65_535 }, events: { exchange: 'news', cursor: 'kept', pollMs: 50 } },
    { tasks: undefined, events: {} },
  ])('may be %j', (amqp) => {
    expect(fault(amqp)).toBe(undefined)
  })

  it.each([
    ['amqp://guest:secret@h', "must have an object as 'amqp'"],
    [{ url: 'http://guest:secret@h' }, "must have a URL such as amqp://USER:PASSWORD@HOST:5672/VHOST as 'amqp.url'"],
    [{ url: 5 }, "must have a URL such as amqp://USER:PASSWORD@HOST:5672/VHOST as 'amqp.url'"],
    [{ store: 'a.b' }, "must have a name of at most 64 letters, digits, _ and - as 'amqp.store'"],
    [{ task: true }, "has an unknown key 'amqp.task', did you mean 'tasks'?"],
    [{ tasks: false }, "must have true or an object as 'amqp.tasks'"],
    [{ tasks: 'jobs' }, "must have true or an object as 'amqp.tasks'"],
    [{ tasks: { queue: ' ' } }, "must have a text as 'amqp.tasks.queue'"],
    [{ tasks: { prefetch: 70_000 } }, "must have a whole number from 1 to 65535 as 'amqp.tasks.prefetch', not 70000"],
    [{ serve: 'worker' }, "must have a list of texts as 'amqp.serve', with at least one"],
    [{ serve: [] }, "must have a list of texts as 'amqp.serve', with at least one"],
    [{ results: {} }, "must have true as 'amqp.results'"],
    [{ events: { cursors: 'x' } }, "has an unknown key 'amqp.events.cursors', did you mean 'cursor'?"],
    [{ events: { pollMs: 0 } }, "must have a number from 1 as 'amqp.events.pollMs', not 0"],
  ])('may not be %j, and no password is repeated', (amqp, says) => {
    expect(fault(amqp)).toBe(says)
  })
})
