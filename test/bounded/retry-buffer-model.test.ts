import { RetryBuffer } from 'endswell/bounded'
import { FakeClock } from 'endswell/testing'
import fc from 'fast-check'
import { expect, test } from 'vitest'

const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f')
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ what: fc.constant('add' as const), key }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('delete' as const), key }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('refuse' as const), key }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 60 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constantFrom('retry' as const, 'away' as const, 'hang' as const),
      ms: fc.constant(0),
    }),
  },
)
const plan = fc.record({
  max: fc.integer({ min: 1, max: 4 }),
  concurrency: fc.integer({ min: 1, max: 3 }),
  steps: fc.array(step, { maxLength: 40 }),
  ends: fc.constantFrom(0, 30, 1_000),
})

test('whatever happens, each item is saved, waits, or was announced as given up; and the oldest goes first', async () => {
  await fc.assert(
    fc.asyncProperty(plan, async ({ max, concurrency, steps, ends }) => {
      const clock = new FakeClock()
      /** What is to be in the buffer, in order. */
      const waiting = new Map<string, number>()
      const running = new Map<string, number>()
      const refused = new Set<string>()
      let isAway = false
      let hangs = false
      let mostRunning = 0
      let twice = 0
      let serial = 0
      const pause = (ms: number) => new Promise<void>((resolve) => clock.setTimeout(resolve, ms))
      const buffer = new RetryBuffer<number>({
        max,
        concurrency,
        saveTimeout: 40,
        backoff: { first: 5, max: 20 },
        clock,
        wall: () => 0,
        async save(item, { key, signal }) {
          if (running.has(key)) twice += 1
          running.set(key, item)
          mostRunning = Math.max(mostRunning, running.size)
          const over = (): void => {
            if (running.get(key) === item) running.delete(key)
          }
          signal.addEventListener('abort', over)
          if (hangs) await new Promise(() => {})
          await pause(7)
          if (signal.aborted) throw signal.reason
          over()
          if (isAway || refused.has(key)) throw new Error('refused')
          if (waiting.get(key) === item) waiting.delete(key)
        },
        onDrop(key, item) {
          expect(waiting.get(key)).toBe(item)
          expect(buffer.size).toBeLessThanOrEqual(max)
          waiting.delete(key)
        },
      })
      for (const each of steps) {
        if (each.what === 'add') {
          const isNew = !waiting.has(each.key)
          const oldest = [...waiting.keys()].find((key) => !running.has(key)) ?? [...waiting.keys()][0]
          const mustGo = isNew && waiting.size === max ? oldest : undefined
          waiting.set(each.key, ++serial)
          buffer.add(each.key, serial)
          if (mustGo !== undefined) expect(waiting.has(mustGo)).toBe(false)
        } else if (each.what === 'delete') {
          expect(buffer.delete(each.key)).toBe(waiting.delete(each.key))
        } else if (each.what === 'refuse') {
          if (!refused.delete(each.key)) refused.add(each.key)
        } else if (each.what === 'retry') buffer.retry()
        else if (each.what === 'away') isAway = !isAway
        else if (each.what === 'hang') hangs = !hangs
        else await clock.advance(each.ms)
        await clock.advance(0)
        expect([...buffer.keys()].map((key) => [key, buffer.get(key)])).toEqual([...waiting])
        expect(buffer.stats()).toMatchObject({ size: waiting.size, saving: running.size })
      }
      const before = waiting.size
      const closing = buffer.close({ timeout: ends })
      await clock.advance(ends)
      const { saved, spilled, lost } = await closing
      expect([saved >= before - lost, spilled, waiting.size]).toEqual([true, 0, 0])
      expect(buffer.stats()).toMatchObject({ size: 0, saving: 0 })
      await clock.advance(100)
      expect(clock.pending).toBe(0)
      expect(mostRunning).toBeLessThanOrEqual(concurrency)
      expect(twice).toBe(0)
    }),
    { numRuns: 300 },
  )
})

test('however many cannot be saved, the others are, as soon as there is a place to save to', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(key, { minLength: 1 }), fc.uniqueArray(key), async (keys, never) => {
      const bad: readonly string[] = never
      const clock = new FakeClock()
      const saved = new Set<string>()
      const buffer = new RetryBuffer<string>({
        clock,
        backoff: { first: 10, max: 10 },
        save: (_item, { key }) => {
          if (bad.includes(key)) throw new Error('never')
          saved.add(key)
        },
      })
      for (const each of keys) buffer.add(each, each)
      await clock.advance(10 * keys.length)
      expect([...buffer.keys()].toSorted()).toEqual(keys.filter((each) => bad.includes(each)).toSorted())
      expect([...saved].toSorted()).toEqual(keys.filter((each) => !bad.includes(each)).toSorted())
      await buffer.close({ timeout: 0 })
      expect(clock.pending).toBe(0)
    }),
    { numRuns: 300 },
  )
})
