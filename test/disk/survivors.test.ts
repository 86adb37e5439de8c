import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Survivors } from '../../src/disk/sweeping/survivors.ts'

interface Item {
  readonly id: number
  readonly modified: number
  readonly size: number
}

interface Limits {
  readonly maxCount: number
  readonly maxTotalSize: number
  readonly protectedAfter: number
}

/** What must go when all is known: the oldest, until the rest fits or is not to be touched. */
function byHand(items: readonly Item[], { maxCount, maxTotalSize, protectedAfter }: Limits): number[] {
  const rest = items.toSorted((one, other) => one.modified - other.modified)
  const gone: number[] = []
  const size = (): number => rest.reduce((sum, item) => sum + item.size, 0)
  while (rest.length > maxCount || size() > maxTotalSize) {
    const [oldest] = rest
    if (oldest === undefined || oldest.modified > protectedAfter) break
    rest.shift()
    gone.push(oldest.id)
  }
  return gone.sort((one, other) => one - other)
}

const items = fc
  .uniqueArray(fc.nat(60), { maxLength: 25 })
  .chain((times) =>
    fc.tuple(fc.constant(times), fc.array(fc.nat(9), { minLength: times.length, maxLength: times.length })),
  )
  .map(([times, sizes]) => times.map((modified, id): Item => ({ id, modified, size: sizes[id] ?? 0 })))
const limit = fc.oneof(fc.nat(20), fc.constant(Number.POSITIVE_INFINITY))
const limits = fc.record({
  maxCount: limit,
  maxTotalSize: limit,
  protectedAfter: fc.oneof(fc.nat(60), fc.constant(99)),
})

function play(items: readonly Item[], limits: Limits, remembered?: number): number[] {
  const survivors = new Survivors<Item>(limits, remembered)
  return items.flatMap((item) => survivors.add(item).map(({ one }) => one.id))
}

test('in whatever order they are found, those go that would if all were known', () => {
  fc.assert(
    fc.property(items, limits, (items, limits) => {
      const gone = play(items, limits)
      expect(gone.toSorted((one, other) => one - other)).toEqual(byHand(items, limits))
    }),
    { numRuns: 3_000 },
  )
})

test('where not all can be remembered, fewer may go, but never another, and what stays is told the next time', () => {
  fc.assert(
    fc.property(items, limits, fc.integer({ min: 2, max: 6 }), (items, limits, remembered) => {
      const right = byHand(items, limits)
      const gone = new Set<number>()
      for (let turn = 0; turn < 30; turn += 1) {
        for (const id of play(
          items.filter(({ id }) => !gone.has(id)),
          limits,
          remembered,
        ))
          gone.add(id)
        expect([...gone].filter((id) => !right.includes(id))).toEqual([])
      }
      expect(gone.size).toBe(right.length)
    }),
    { numRuns: 500 },
  )
})

test('it says because of which limit', () => {
  const survivors = new Survivors<Item>({ maxCount: 2, maxTotalSize: 10, protectedAfter: 99 })
  const add = (modified: number, size: number): string[] =>
    survivors.add({ id: modified, modified, size }).map(({ one, reason }) => `${one.id} ${reason}`)
  expect([add(5, 1), add(6, 1), add(7, 1), add(8, 10), add(1, 0)]).toEqual([
    [],
    [],
    ['5 count'],
    ['6 count', '7 size'],
    ['1 size'],
  ])
})
