import type { LogStore } from '../../engine/engine.ts'
import { codeOf, logEntry, namesOf, newEntry, startOf, type Harness } from './harness.ts'

/** The port itself: what any place that keeps logs has to promise. */
export function storeConformance({ openAdapter, describe, it, expect }: Harness): void {
  const withStore = (body: (store: LogStore, again: () => Promise<LogStore>) => Promise<void>) => async (): Promise<void> => {
    const adapter = await openAdapter()
    await using store = await adapter.open()
    await body(store, () => adapter.open())
  }
  const step = (number: number) => newEntry('step-start', String(number), { step: number })

  describe('the store', () => {
    it(
      'begins a log once, at seq 1',
      withStore(async (store) => {
        expect(await store.create('r1', startOf('r1'))).toMatchObject({ run: 'r1', seq: 1, epoch: 0, key: 'start', type: 'run-start' })
        expect(await codeOf(store.create('r1', startOf('r1')))).toBe('engine/duplicate-key')
        expect((await store.read('r1')).length).toBe(1)
      }),
    )

    it(
      'gives a higher epoch with every claim, and none for an unknown run',
      withStore(async (store) => {
        await store.create('r1', startOf('r1'))
        expect([await store.claim('r1'), await store.claim('r1')]).toEqual([1, 2])
        expect(await codeOf(store.claim('r2'))).toBe('run/not-found')
        expect(await codeOf(store.append('r2', [logEntry('x')], null))).toBe('run/not-found')
      }),
    )

    it(
      'appends all entries of a batch or none, and leaves no hole behind a refused one',
      withStore(async (store) => {
        await store.create('r1', startOf('r1'))
        const epoch = await store.claim('r1')
        await store.append('r1', [step(1), step(2)], epoch)
        expect(await codeOf(store.append('r1', [step(3), step(2)], epoch))).toBe('engine/duplicate-key')
        expect(await codeOf(store.append('r1', [step(4), step(4)], epoch))).toBe('engine/duplicate-key')
        const written = await store.append('r1', [step(5)], epoch)
        expect(written.map(({ seq, epoch, key }) => [seq, epoch, key])).toEqual([[4, 1, '5']])
        expect((await store.read('r1')).map(({ seq, key }) => [seq, key])).toEqual([
          [1, 'start'],
          [2, '1'],
          [3, '2'],
          [4, '5'],
        ])
      }),
    )

    it(
      'refuses a key that its type has already, and takes any number of entries without one',
      withStore(async (store) => {
        await store.create('r1', startOf('r1'))
        const epoch = await store.claim('r1')
        await store.append('r1', [step(1), newEntry('effect', '1', { value: 1 }), logEntry('a'), logEntry('b')], epoch)
        expect(await codeOf(store.append('r1', [newEntry('effect', '1', { value: 2 })], epoch))).toBe('engine/duplicate-key')
        await store.create('r2', startOf('r2'))
        await store.append('r2', [step(1)], await store.claim('r2'))
        expect((await store.read('r1')).length).toBe(5)
      }),
    )

    it(
      'lets one refused append of many at once spoil only itself',
      withStore(async (store) => {
        await store.create('r1', startOf('r1'))
        const epoch = await store.claim('r1')
        const codes = await Promise.all([
          codeOf(store.append('r1', [step(1)], epoch).then((entries) => entries[0]?.seq)),
          codeOf(store.append('r1', [step(1)], epoch)),
          codeOf(store.append('r1', [step(2)], epoch + 7)),
          codeOf(store.append('nobody', [step(2)], epoch)),
          codeOf(store.append('r1', [step(3)], epoch).then((entries) => entries[0]?.seq)),
        ])
        expect(codes).toEqual(['resolved with 2', 'engine/duplicate-key', 'engine/lost-ownership', 'run/not-found', 'resolved with 3'])
        expect((await store.read('r1')).map(({ key }) => key)).toEqual(['start', '1', '3'])
      }),
    )

    it(
      'refuses an epoch that is not the newest, and takes entries from outside at any time',
      withStore(async (store, again) => {
        await store.create('r1', startOf('r1'))
        expect(await codeOf(store.append('r1', [step(1)], 1))).toBe('engine/lost-ownership')
        const old = await store.claim('r1')
        await using other = await again()
        const young = await other.claim('r1', { takeOver: true })
        expect(await codeOf(store.append('r1', [step(1)], old))).toBe('engine/lost-ownership')
        await store.append('r1', [newEntry('signal', undefined, { topic: 't', value: 1 })], null)
        await other.append('r1', [step(1)], young)
        expect((await store.read('r1')).map(({ type, epoch }) => [type, epoch])).toEqual([
          ['run-start', 0],
          ['signal', 0],
          ['step-start', 2],
        ])
      }),
    )

    it(
      'takes nothing after run-end, from whomever',
      withStore(async (store) => {
        await store.create('r1', startOf('r1'))
        const epoch = await store.claim('r1')
        await store.append(
          'r1',
          [newEntry('run-end', 'end', { status: 'done', usage: { inputTokens: 0, outputTokens: 0 }, steps: 0 })],
          epoch,
        )
        expect(await codeOf(store.append('r1', [step(1)], epoch))).toBe('run/ended')
        expect(await codeOf(store.append('r1', [logEntry('late')], null))).toBe('run/ended')
        expect((await store.read('r1')).length).toBe(2)
      }),
    )

    it(
      'reads from a place on; an unknown run has no entries',
      withStore(async (store) => {
        await store.create('r1', startOf('r1'))
        await store.append('r1', [logEntry('a'), logEntry('b')], null)
        expect((await store.read('r1', 2)).map(({ seq }) => seq)).toEqual([3])
        expect([await store.read('r1', 3), await store.read('r9'), await store.readTree('r9')]).toEqual([[], [], []])
      }),
    )

    it(
      'reads a tree in the order of writing, and no run that only looks like a part of it',
      withStore(async (store) => {
        for (const run of ['r1', 'r1-2.1', 'r10', 'r1-2.1-3', 'r1.5', 'r2', 'r1x-1']) await store.create(run, startOf(run))
        await store.append('r1-2.1-3', [logEntry('first')], null)
        await store.append('r1', [logEntry('second')], null)
        await store.append('r1-2.1', [logEntry('third')], null)
        const places = (entries: readonly { readonly run: string; readonly seq: number }[]): readonly string[] =>
          entries.map(({ run, seq }) => `${run} ${seq}`)
        expect(places(await store.readTree('r1'))).toEqual(['r1 1', 'r1-2.1 1', 'r1-2.1-3 1', 'r1-2.1-3 2', 'r1 2', 'r1-2.1 2'])
        expect(places(await store.readTree('r1-2.1'))).toEqual(['r1-2.1 1', 'r1-2.1-3 1', 'r1-2.1-3 2', 'r1-2.1 2'])
      }),
    )

    it(
      'lists how runs stand, newest first',
      withStore(async (store) => {
        for (const run of ['r2', 'r1', 'r1-a', 'r3']) await store.create(run, startOf(run, 'tester', run === 'r1-a' ? 'r1' : undefined))
        await store.append(
          'r1',
          [step(1), newEntry('step-end', '1', { step: 1, usage: { inputTokens: 1, outputTokens: 1 } }), step(2)],
          await store.claim('r1'),
        )
        await store.append('r2', [logEntry('last')], null)
        const heads = await store.heads()
        expect(heads.map(({ run, start, last, steps }) => [run, start.seq, namesOf([last])[0], steps])).toEqual([
          ['r3', 1, 'run-start start', 0],
          ['r1-a', 1, 'run-start start', 0],
          ['r1', 1, 'step-start 2', 2],
          ['r2', 1, 'log', 0],
        ])
        expect((await store.heads({ rootsOnly: true, limit: 2 })).map(({ run }) => run)).toEqual(['r3', 'r1'])
      }),
    )

    it(
      'forgets a run with all below it, and nothing else',
      withStore(async (store) => {
        for (const run of ['r1', 'r1-a', 'r1-a-b', 'r10']) await store.create(run, startOf(run))
        await store.drop('r1')
        expect((await store.heads()).map(({ run }) => run)).toEqual(['r10'])
        expect(await codeOf(store.append('r1-a', [logEntry('x')], null))).toBe('run/not-found')
        expect((await store.create('r1', startOf('r1'))).seq).toBe(1)
      }),
    )

    it('answers what it was asked before it is closed', async () => {
      const store = await (await openAdapter()).open()
      await store.create('r1', startOf('r1'))
      const asked = Promise.all([store.append('r1', [logEntry('last')], null), store.read('r1')])
      await store[Symbol.asyncDispose]()
      const [written, read] = await asked
      expect(written[0]?.seq).toBe(2)
      expect(read[0]?.type).toBe('run-start')
    })

    it(
      'keeps what was written as it was written, whatever becomes of the objects',
      withStore(async (store, again) => {
        await store.create('r1', startOf('r1'))
        const value = { text: 'é\u0000\u2028"\\\u{1F600}', list: [1, 2.5, -0.1, null, true], empty: {}, big: 'x'.repeat(300_000) }
        const body = { value: structuredClone(value) }
        await store.append('r1', [newEntry('effect', 'odd \' " key', body)], await store.claim('r1'))
        body.value.list.push(3)
        const read = (await store.read('r1', 1))[0]
        expect(read?.body).toEqual({ value })
        if (read && 'value' in read.body) Object.assign(read.body, { value: 'changed by a reader' })
        await using other = await again()
        expect((await other.read('r1', 1)).map(({ key, body }) => ({ key, body }))).toEqual([{ key: 'odd \' " key', body: { value } }])
      }),
    )
  })
}
