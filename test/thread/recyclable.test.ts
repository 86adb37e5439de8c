import { expect, test } from 'vitest'
import { Lifecycle } from '../../src/index.ts'
import { recyclable } from '../../src/thread/recyclable.ts'
import { thrownBy } from '../lifecycle/stubs.ts'

test('outside a cluster nobody watches, and nothing is held', async () => {
  await using life = new Lifecycle('shop')
  const before = process.listenerCount('message')
  const self = recyclable(life)
  self.count()
  self.count(5)
  self.ready()
  expect(self).toMatchObject({ isWatched: false, requests: 0 })
  expect(process.listenerCount('message')).toBe(before)
  expect(life.snapshot().size).toBe(0)
})

test.each<[string, () => unknown, object]>([
  ['what is no lifecycle', () => recyclable({} as never), { code: 'ERR_INVALID_ARG_TYPE' }],
  ['an unknown option', () => recyclable(new Lifecycle(), { htp: true } as never), { code: 'ERR_UNKNOWN_OPTION' }],
  ['another readiness', () => recyclable(new Lifecycle(), { readyWhen: 'x' } as never), { code: 'ERR_OUT_OF_RANGE' }],
  ['what is no boolean', () => recyclable(new Lifecycle(), { http: 1 } as never), { code: 'ERR_INVALID_ARG_TYPE' }],
  ['half a request', () => recyclable(new Lifecycle()).count(0.5), { code: 'ERR_OUT_OF_RANGE' }],
])('refuses %s', (_, action, error) => {
  expect(thrownBy(action)).toMatchObject(error)
})

test('refuses a lifecycle that is closed', async () => {
  const life = new Lifecycle('shop')
  await life.close()
  expect(thrownBy(() => recyclable(life))).toMatchObject({ name: 'ReferenceError', code: 'ERR_CLOSED' })
})
