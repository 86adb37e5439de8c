import { Janitor, JobRegistry, TaskQueue } from 'endswell/bounded'
import { expect, test } from 'vitest'
import { FakePressure } from '../fixtures/pressure.ts'

/** How many timers keep this process alive. */
const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length

test('a registry whose jobs have ended, one whose store is away, a janitor that waits, and an idle queue let the process end', async () => {
  const before = timers()
  const jobs = new JobRegistry<number>()
  const away = new Error('away')
  const mirrored = new JobRegistry<number>({
    store: { get: () => {}, set: () => Promise.reject(away), delete: () => {} },
  })
  for (const each of [jobs, mirrored]) {
    each.start('a', 1)
    each.start('b', 1)
    each.end('a', 'completed')
  }
  const janitor = new Janitor({ pressure: new FakePressure() })
  janitor.add('jobs', jobs)
  const tasks = new TaskQueue()
  await tasks.add(() => 1)
  await janitor.run()
  await expect(mirrored.flush()).rejects.toBe(away)
  expect(timers()).toBe(before)
  await Promise.all([jobs.close(), mirrored.close({ timeout: 0 }), janitor.close(), tasks.close()])
})
