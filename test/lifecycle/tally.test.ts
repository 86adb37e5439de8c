import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Lifecycle } from 'endswell'
import { FakeClock } from 'endswell/testing'
import { describe, expect, test } from 'vitest'
import { wait } from './stubs.ts'

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')

describe('the rows of a report', () => {
  test('are all that did not close gently, and the slowest 1 000 of the rest', async () => {
    let now = 0
    const clock = Object.assign(new FakeClock(), { now: () => now })
    const life = new Lifecycle({ name: 'app', clock, leaks: 'off' })
    for (let at = 0; at < 5_000; at += 1) {
      const ms = (at * 7_919) % 5_000
      life.defer(
        () => {
          now += ms
          if (at % 4 === 0) throw new Error('no')
        },
        { name: `takes-${ms}` },
      )
    }
    const { counts, rows } = await life.close({ timeout: 2_000_000_000 })
    expect(counts).toEqual({ closed: 3_750, forced: 0, failed: 1_250, abandoned: 0 })
    const closed = rows.filter(({ outcome }) => outcome === 'closed').map(({ ms }) => ms)
    const all = Array.from({ length: 5_000 }, (_, at) => ({ at, ms: (at * 7_919) % 5_000 }))
    const slowest = all.filter(({ at }) => at % 4 !== 0).map(({ ms }) => ms)
    slowest.sort((one, other) => other - one)
    expect(closed).toEqual(slowest.slice(0, 1_000))
    expect(rows).toHaveLength(2_250)
  })

  test('come slowest first, whatever their outcome', async () => {
    const clock = new FakeClock()
    const life = new Lifecycle({ clock })
    for (const ms of [20, 5, 40, 10]) {
      life.defer(() => wait(clock, ms).then(() => (ms === 20 ? Promise.reject(new Error('no')) : undefined)))
    }
    const closing = life.close()
    await clock.advance(100)
    expect((await closing).rows.map(({ ms }) => ms)).toEqual([40, 20, 10, 5])
  })

  test('of what is in scopes are among them, the slowest 1 000 of all', async () => {
    let now = 0
    const clock = Object.assign(new FakeClock(), { now: () => now })
    const life = new Lifecycle({ name: 'app', clock, leaks: 'off' })
    for (let scope = 0; scope < 10; scope += 1) {
      const inside = life.scope(`s${scope}`)
      for (let at = 0; at < 500; at += 1) {
        inside.defer(() => {
          now += at * 10 + scope
        })
      }
    }
    const { counts, rows } = await life.close({ timeout: 2_000_000_000 })
    expect(counts.closed).toBe(5_000)
    expect(rows).toHaveLength(1_000)
    expect(rows.at(-1)?.ms).toBe(4_000)
  })

  test('leave out what has no error, note or site', async () => {
    const life = new Lifecycle({ name: 'app', leaks: 'off' })
    life.defer(() => {}, { name: 'one' })
    const { rows } = await life.close()
    expect(rows).toEqual([{ path: '/app/one', kind: 'callback', outcome: 'closed', ms: expect.any(Number) }])
  })
})

test('a report, and a lifecycle that has closed, keep no resource alive', async () => {
  const held: unknown[] = []
  const refs = await (async () => {
    const weak: WeakRef<object>[] = []
    for (const [end, told] of [
      [(life: Lifecycle) => life.close(), false],
      [(life: Lifecycle) => life.disposeAsync(), false],
      [(life: Lifecycle) => life.close(), true],
      [(life: Lifecycle) => life.disposeAsync(), true],
      [(life: Lifecycle) => life.close({ force: true }), true],
    ] as const) {
      const life = new Lifecycle({ leaks: 'full' })
      if (told) life.subscribe(() => {})
      const values = Array.from({ length: 3 }, () => ({}))
      for (const value of values) {
        life.adopt(value, () => {}, { name: 'one' })
        life.use(value, { close: () => {} })
        weak.push(new WeakRef(value))
      }
      life.adopt(values[0], () => {}, { last: true })
      life.adopt(values[1], () => {}, { name: 'two', requiredBy: [values[2] ?? {}] })
      life.scope('inside').adopt(values[2], () => {})
      held.push(life, await end(life))
    }
    return weak
  })()
  for (let turn = 0; turn < 5; turn += 1) {
    collect()
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(refs.filter((ref) => ref.deref() !== undefined)).toHaveLength(0)
  expect(held).toHaveLength(10)
})
