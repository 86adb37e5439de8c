import { defineKind, Lifecycle, type Snapshot } from 'endswell'
import { FakeClock } from 'endswell/testing'
import { expect, test } from 'vitest'
import { wait } from './stubs.ts'

test('a snapshot tells what is held: path, kind, state, age, description and what is inside', async () => {
  const clock = new FakeClock()
  const life = new Lifecycle({ name: 'app', clock, leaks: 'counts' })
  const port = defineKind<{ port: number }>({
    name: 'server',
    matches: () => false,
    close: () => wait(clock, 10),
    describe: (value) => `port ${value.port}`,
  })
  life.use({ port: 8080 }, { kind: port, name: 'http' })
  await clock.advance(3_000)
  const scope = life.scope('jobs')
  scope.defer(() => {}, { name: 'job' })
  await clock.advance(4_900)
  void life.release('http')
  expect(life.snapshot()).toEqual({
    path: '/app',
    state: 'open',
    size: 2,
    resources: [
      { path: '/app/http', kind: 'server', state: 'closing', age: 7_000, description: 'port 8080' },
      {
        path: '/app/jobs',
        kind: 'scope',
        state: 'open',
        age: 4_000,
        inside: {
          path: '/app/jobs',
          state: 'open',
          size: 1,
          resources: [{ path: '/app/jobs/job', kind: 'callback', state: 'open', age: 4_000 }],
        },
      },
    ],
  })
  await clock.advance(10)
  await life.close()
  expect(life.snapshot()).toEqual({ path: '/app', state: 'closed', size: 0, resources: [] })
})

test('a snapshot is frozen to its depths, and stays as it was', async () => {
  const life = new Lifecycle('app')
  life.scope('inside').defer(() => {}, { name: 'deep' })
  const snapshot = life.snapshot()
  const copy = JSON.stringify(snapshot)
  const check = (part: Snapshot): void => {
    expect(Object.isFrozen(part)).toBe(true)
    expect(Object.isFrozen(part.resources)).toBe(true)
    for (const resource of part.resources) {
      expect(Object.isFrozen(resource)).toBe(true)
      expect(Object.isFrozen(resource.site)).toBe(true)
      if (resource.inside !== undefined) check(resource.inside)
    }
  }
  check(snapshot)
  await life.close()
  expect(JSON.stringify(snapshot)).toBe(copy)
})

test('a snapshot has no ages where the leak level is off', () => {
  const life = new Lifecycle({ name: 'app', leaks: 'off' })
  life.defer(() => {})
  expect(life.snapshot().resources).toEqual([{ path: '/app/callback#1', kind: 'callback', state: 'open' }])
})
