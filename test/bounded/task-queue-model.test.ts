import { TaskQueue, type TaskQueueOptions } from 'endswell/bounded'
import { FakeClock } from 'endswell/testing'
import fc from 'fast-check'
import { expect, test } from 'vitest'

/** The long form is `npm run soak`'s. */
const rounds = Number(process.env['ENDSWELL_ROUNDS'] ?? 1)

const work = fc.record({
  priority: fc.integer({ min: 0, max: 2 }),
  lasts: fc.constantFrom(0, 5, 40, 90, 300),
  heeds: fc.boolean(),
  throws: fc.boolean(),
  abortedAt: fc.option(fc.constantFrom(0, 10, 60), { nil: undefined }),
})
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ add: work }) },
  { weight: 2, arbitrary: fc.record({ wait: fc.constantFrom(1, 20, 100) }) },
  { weight: 1, arbitrary: fc.constantFrom('clear' as const, 'pause' as const, 'resume' as const) },
)
const options: fc.Arbitrary<TaskQueueOptions & { concurrency: number; maxQueued: number }> = fc.record({
  concurrency: fc.integer({ min: 1, max: 3 }),
  maxQueued: fc.integer({ min: 1, max: 4 }),
  overflow: fc.constantFrom('reject', 'wait'),
  queueTimeout: fc.constantFrom(30, Number.POSITIVE_INFINITY),
})

test('never more tasks really run than may, whatever ends them; each promise settles, and nothing is left', async () => {
  const property = fc.asyncProperty(options, fc.array(step, { maxLength: 30 }), async (chosen, steps) => {
    const clock = new FakeClock()
    const tasks = new TaskQueue({ clock, timeout: 50, ...chosen })
    const sleep = (ms: number) => new Promise((resolve) => clock.setTimeout(() => resolve(undefined), ms))
    let running = 0
    let most = 0
    let ran = 0
    const all: Promise<unknown>[] = []
    for (const each of steps) {
      if (typeof each === 'string') tasks[each]()
      else if ('wait' in each) await clock.advance(each.wait)
      else {
        const { priority, lasts, heeds, throws, abortedAt } = each.add
        const controller = new AbortController()
        if (abortedAt !== undefined) clock.setTimeout(() => controller.abort('enough'), abortedAt)
        const promise = tasks.add(
          async ({ signal }) => {
            running += 1
            ran += 1
            most = Math.max(most, running)
            const told = new Promise((resolve) => signal.addEventListener('abort', resolve))
            await (heeds ? Promise.race([told, sleep(lasts)]) : sleep(lasts))
            running -= 1
            if (throws) throw new Error('broken')
          },
          abortedAt === undefined ? { priority } : { priority, signal: controller.signal },
        )
        all.push(promise)
        promise.catch(() => {})
      }
      const { queued, parked, running: slots } = tasks.stats()
      expect(most).toBeLessThanOrEqual(chosen.concurrency)
      expect(queued).toBeLessThanOrEqual(chosen.maxQueued)
      expect(slots).toBe(running)
      expect(tasks.size).toBe(queued + parked)
    }
    const closing = tasks.close({ timeout: 100_000 })
    await clock.advance(100_000)
    expect(await closing).toMatchObject({ dropped: 0, aborted: 0, abandoned: [] })
    await Promise.allSettled(all)
    expect(most).toBeLessThanOrEqual(chosen.concurrency)
    expect(clock.pending).toBe(0)
    const { added, completed, failed, timedOut, aborted, dropped, refused, late } = tasks.stats()
    // One whose signal had aborted was never added.
    expect(completed + failed + timedOut + aborted + dropped + refused).toBe(all.length)
    expect(added).toBeLessThanOrEqual(all.length - refused)
    expect(completed + failed + late).toBe(ran)
  })
  await fc.assert(property, { numRuns: 400 * rounds })
})
