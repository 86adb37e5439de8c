import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CallQueue } from '../../../src/thread/bridge/call-queue.ts'
import type { PendingCall } from '../../../src/thread/bridge/pending-call.ts'
import { callOf } from './stubs.ts'

const step = fc.oneof(
  fc.record({
    what: fc.constantFrom('push' as const, 'unshift' as const),
    priority: fc.constantFrom(0, 0, 1, -1, 0.5, 7),
  }),
  fc.record({ what: fc.constant('shift' as const), priority: fc.constant(0) }),
  fc.record({ what: fc.constant('remove' as const), priority: fc.nat(20) }),
)

test('it behaves like a list that is sorted by priority and keeps the order of equals', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const queue = new CallQueue()
      let model: PendingCall[] = []
      for (const [id, { what, priority }] of steps.entries()) {
        const call = callOf(id, priority)
        if (what === 'push') {
          queue.push(call)
          model = [
            ...model.filter((each) => each.priority >= priority),
            call,
            ...model.filter((each) => each.priority < priority),
          ]
        } else if (what === 'unshift') {
          queue.unshift(call)
          model = [
            ...model.filter((each) => each.priority > priority),
            call,
            ...model.filter((each) => each.priority <= priority),
          ]
        } else if (what === 'shift') expect(queue.shift()).toBe(model.shift())
        else if (model.length > 0) {
          const [gone] = model.splice(priority % model.length, 1)
          if (gone !== undefined) queue.remove(gone)
        }
        expect(queue.size).toBe(model.length)
        expect([...queue]).toEqual(model)
      }
    }),
  )
})

test('what is not in it can be removed: nothing changes', () => {
  const queue = new CallQueue()
  queue.push(callOf(1))
  queue.remove(callOf(2))
  expect(queue.size).toBe(1)
})
