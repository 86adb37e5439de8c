import fc from 'fast-check'
import { expect, test } from 'vitest'
import { callback } from '../../src/lifecycle/core-kinds.ts'
import { ENDED, Entry } from '../../src/lifecycle/entry.ts'
import { NewestFirst } from '../../src/lifecycle/newest.ts'

test('whatever is added and taken, the newest that is still there comes first', () => {
  const step = fc.oneof(
    fc.record({ does: fc.constant('add'), serial: fc.integer({ min: 1, max: 1_000 }), ended: fc.boolean() }),
    fc.record({ does: fc.constant('take'), serial: fc.constant(0), ended: fc.constant(false) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const newest = new NewestFirst()
      const model: number[] = []
      for (const { does, serial, ended } of steps) {
        if (does === 'take') {
          model.sort((one, other) => one - other)
          expect(newest.take()?.serial).toBe(model.pop())
          continue
        }
        const entry = new Entry(callback, undefined, undefined, serial, -1)
        newest.add(entry)
        if (ended) entry.state = ENDED
        else model.push(serial)
      }
    }),
    { numRuns: 2_000 },
  )
})
