import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Lifecycle } from '../../../src/index.ts'
import { scopeOf } from '../../../src/lifecycle/lifecycle.ts'
import { FakeClock } from '../../../src/testing/index.ts'
import { Bridge } from '../../../src/thread/bridge/bridge.ts'
import { settingsOf, type WorkerBridgeOptions } from '../../../src/thread/bridge/bridge-options.ts'
import { liveOf, ThreadFace } from '../../../src/thread/bridge/bridge-rows.ts'
import { recycleThread } from '../../../src/thread/bridge/recycle.ts'
import { listeners } from '../../fixtures/listeners.ts'
import { type Boot, FakeThreads, type Work } from './fake-threads.ts'

/** Somebody makes a call, at a moment. */
interface CallPlan {
  readonly at: number
  readonly work: Omit<Work, 'id'>
  readonly priority: number
  readonly timeout: number | undefined
  readonly queueTimeout: number | undefined
  /** After how many ms its signal aborts. */
  readonly aborts: number | undefined
}

/** Somebody or something steps in, at a moment. */
interface Act {
  readonly at: number
  readonly what: 'crash' | 'exit' | 'recycle' | 'close' | 'closeNow' | 'closeLife' | 'forceLife'
  readonly which: number
}

interface Plan {
  readonly options: WorkerBridgeOptions
  readonly boots: readonly Boot[]
  readonly calls: readonly CallPlan[]
  readonly acts: readonly Act[]
}

const maybe = <T>(value: fc.Arbitrary<T>, weight = 1): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight, arbitrary: value })

const work: fc.Arbitrary<Omit<Work, 'id'>> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ takes: fc.integer({ min: 0, max: 60 }), heeds: fc.constantFrom(0, 5, 40) }) },
  { weight: 2, arbitrary: fc.record({ takes: fc.integer({ min: 0, max: 200 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({ takes: fc.integer({ min: 0, max: 200 }), blocks: fc.constant('script' as const) }),
  },
  { weight: 1, arbitrary: fc.record({ takes: fc.constant(0), blocks: fc.constant('native' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      takes: fc.integer({ min: 0, max: 30 }),
      ends: fc.constantFrom('throws' as const, 'exits' as const, 'crashes' as const),
    }),
  },
)

const plan: fc.Arbitrary<Plan> = fc.record({
  options: fc
    .record({
      min: fc.integer({ min: 0, max: 2 }),
      more: fc.integer({ min: 0, max: 2 }),
      inFlight: fc.integer({ min: 1, max: 3 }),
      maxQueue: fc.constantFrom(0, 1, 4, 100),
      overflow: fc.constantFrom('reject' as const, 'wait' as const),
      maxAbandoned: fc.integer({ min: 0, max: 2 }),
      max: fc.integer({ min: 0, max: 8 }),
      idleTimeout: fc.constantFrom(20, 1_000),
    })
    .map(({ min, more, inFlight, maxQueue, overflow, maxAbandoned, max, idleTimeout }) => ({
      threads: { min, max: Math.max(1, min + more) },
      maxInFlight: inFlight,
      maxQueue,
      overflow,
      maxAbandoned,
      idleTimeout,
      taskTimeout: 80,
      queueTimeout: 150,
      cancelGrace: 20,
      terminateTimeout: 1_000,
      grace: 60,
      readyTimeout: 50,
      output: 'ignore' as const,
      backoff: { first: 5, max: 20 },
      intensity: { max, period: 200 },
    })),
  boots: fc.array(
    fc.oneof(
      { weight: 6, arbitrary: fc.record({ after: fc.integer({ min: 0, max: 20 }) }) },
      {
        weight: 1,
        arbitrary: fc.record({
          after: fc.integer({ min: 0, max: 20 }),
          as: fc.constantFrom('fails' as const, 'silent' as const),
        }),
      },
    ),
    { minLength: 1, maxLength: 4 },
  ),
  calls: fc.array(
    fc.record({
      at: fc.integer({ min: 0, max: 300 }),
      work,
      priority: fc.constantFrom(0, 0, 0, 1, -1, 0.5),
      timeout: maybe(fc.constantFrom(0, 10, 50, Number.POSITIVE_INFINITY)),
      queueTimeout: maybe(fc.constantFrom(0, 10, 100, Number.POSITIVE_INFINITY)),
      aborts: maybe(fc.integer({ min: 0, max: 60 }), 2),
    }),
    { maxLength: 30 },
  ),
  acts: fc.array(
    fc.record({
      at: fc.integer({ min: 0, max: 400 }),
      what: fc.constantFrom<Act['what']>(
        'crash',
        'crash',
        'exit',
        'recycle',
        'recycle',
        'close',
        'closeNow',
        'closeLife',
        'forceLife',
      ),
      which: fc.nat(5),
    }),
    { maxLength: 4 },
  ),
})

/** Plays a plan to its end. */
async function play({ options, boots, calls, acts }: Plan): Promise<void> {
  const clock = new FakeClock()
  const life = new Lifecycle({ name: 'app', clock, grace: 50 })
  const settings = settingsOf(options)
  const source = new FakeThreads(clock, settings.maxInFlight, boots)
  const bridge = new Bridge(life.scope('bridge', { order: 'parallel' }), settings, source)
  const outcomes: string[][] = calls.map(() => [])
  const signals: AbortSignal[] = []
  const cancelledInQueue = new Set<number>()
  let pendingRecycles = 0

  for (const [id, call] of calls.entries()) {
    clock.setTimeout(() => {
      const { timeout, queueTimeout, priority, aborts } = call
      const controller = new AbortController()
      signals.push(controller.signal)
      if (aborts !== undefined)
        clock.setTimeout(() => {
          const [row] = [...bridge.desk.queue].filter(({ args: [work] }) => (work as Work).id === id)
          if (row !== undefined) cancelledInQueue.add(id)
          controller.abort(new Error('aborted'))
        }, aborts)
      const own = {
        ...(timeout !== undefined && { timeout }),
        ...(queueTimeout !== undefined && { queueTimeout }),
        ...(aborts !== undefined && { signal: controller.signal }),
        priority,
      }
      const outcome = outcomes[id] as string[]
      bridge.call('work', [{ ...call.work, id }], own).then(
        (value) => outcome.push(`value ${value}`),
        (error) => outcome.push(error.code ?? error.message),
      )
    }, call.at)
  }
  for (const { at, what, which } of acts) {
    clock.setTimeout(() => {
      const { seats } = bridge.fleet
      const live = seats[which % Math.max(1, seats.length)]?.live
      if (what === 'crash') source.threads[which % source.threads.length]?.crash('from outside')
      else if (what === 'exit') source.threads[which % source.threads.length]?.exit(0)
      else if (what === 'close') bridge.close(undefined)
      else if (what === 'closeNow') bridge.close(0)
      else if (what === 'closeLife') void life.close()
      else if (what === 'forceLife') void life.close({ force: true })
      else if (live !== undefined) {
        pendingRecycles += 1
        const done = (): void => {
          pendingRecycles -= 1
        }
        const face = new ThreadFace(live, () => clock.now())
        expect(liveOf(face)).toBe(live)
        recycleThread(bridge, face, { timeout: 40, drain: 30 }).then(done, done)
      }
    }, at)
  }
  await clock.advance(3_000)
  const isLeft = outcomes.map(([outcome], id) => ({ id, outcome })).filter(({ outcome }) => outcome === undefined)
  // Only what has all the time there is, behind what never ends, may wait still.
  for (const { id } of isLeft) {
    const { timeout, queueTimeout } = calls[id] as CallPlan
    expect([timeout, queueTimeout]).toContain(Number.POSITIVE_INFINITY)
  }
  const closing = life.close()
  await clock.advance(5_000)
  const report = await closing

  for (const [id, outcome] of outcomes.entries()) {
    expect(outcome, `call ${id}`).toHaveLength(1)
    if (outcome[0]?.startsWith('value')) expect(outcome[0]).toBe(`value ${id}`)
  }
  const begun = source.threads.flatMap(({ begunCalls }) => begunCalls)
  expect(new Set(begun).size, 'no call is begun twice').toBe(begun.length)
  for (const id of cancelledInQueue) expect(begun).not.toContain(id)
  expect(bridge.state).not.toBe('open')
  expect(pendingRecycles).toBe(0)
  const { queued, running, abandoned, dropped: _, retried: __, ...ended } = bridge.counts
  expect({ queued, running }).toEqual({ queued: 0, running: 0 })
  const refusedEarly = outcomes.filter(
    ([outcome], id) =>
      outcome === 'ERR_CLOSED' ||
      (outcome === 'ERR_GAVE_UP' && !begun.includes(id)) ||
      (outcome === 'aborted' && calls[id]?.aborts === 0),
  ).length
  const counted = Object.values(ended).reduce((sum, count) => sum + count, 0)
  expect(counted).toBeLessThanOrEqual(calls.length)
  expect(counted).toBeGreaterThanOrEqual(calls.length - refusedEarly)
  expect(report.counts.abandoned).toBe(source.threads.filter(({ threadId }) => threadId !== -1).length)
  expect(abandoned).toBeLessThanOrEqual(report.counts.abandoned)
  for (const signal of signals) expect(listeners(signal)['abort'] ?? 0).toBe(0)
  expect([scopeOf(life).entries.size, clock.pending, listeners(life.signal)]).toEqual([0, 0, { abort: 0 }])
}

test('whatever calls, threads and people do: every call ends once, none is begun twice, and nothing is left', async () => {
  await fc.assert(fc.asyncProperty(plan, play), { numRuns: 300 })
})
