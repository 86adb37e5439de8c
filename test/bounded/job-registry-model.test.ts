import { type JobOutcome, JobRegistry, type JobStore } from 'endswell/bounded'
import { FakeClock } from 'endswell/testing'
import fc from 'fast-check'
import { expect, test } from 'vitest'

/** The long form is `npm run soak`'s. */
const rounds = Number(process.env['ENDSWELL_ROUNDS'] ?? 1)
const RETAIN = 1_000
const PRESSED = 250
const MAX = 4

interface ModelJob {
  readonly id: string
  state: 'active' | JobOutcome
  data: number
  over: number
}

/** The rules in the plainest form: an array that is filtered. */
class Model {
  jobs: ModelJob[] = []
  now = 0
  late = 0

  start(id: string, data: number): boolean {
    if (this.#find(id)?.state === 'active') return false
    this.jobs = this.jobs.filter((job) => job.id !== id)
    this.jobs.push({ id, state: 'active', data, over: Number.POSITIVE_INFINITY })
    return true
  }

  update(id: string, data: number): void {
    const job = this.#active(id)
    if (job !== undefined) job.data = data
  }

  end(id: string, outcome: JobOutcome): void {
    const job = this.#active(id)
    if (job === undefined) return
    job.state = outcome
    // Those that end at the same moment have ended in order all the same.
    job.over = this.now + this.jobs.filter(({ over }) => Math.floor(over) === this.now).length / 1_000
    const ended = this.jobs.filter(({ state }) => state !== 'active').sort((one, other) => one.over - other.over)
    if (ended.length > MAX) this.jobs = this.jobs.filter((each) => each !== ended[0])
  }

  delete(id: string): void {
    this.jobs = this.jobs.filter((job) => job.id !== id)
  }

  keep(retain: number): void {
    this.jobs = this.jobs.filter(({ over }) => Math.floor(over) + retain > this.now)
  }

  #find(id: string): ModelJob | undefined {
    return this.jobs.find((job) => job.id === id)
  }

  #active(id: string): ModelJob | undefined {
    const job = this.#find(id)
    if (job?.state === 'active') return job
    this.late += 1
    return undefined
  }
}

type Step =
  | readonly ['start' | 'update' | 'delete', string]
  | readonly ['end', string, JobOutcome]
  | readonly ['advance' | 'block', number]
  | readonly ['pressed']

const id = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g')
const outcome = fc.constantFrom<JobOutcome>('completed', 'failed', 'cancelled')
const time = fc.constantFrom(1, 100, 249, 250, 500, 999, 1_000, 1_001)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.constant('start' as const), id) },
  { weight: 4, arbitrary: fc.tuple(fc.constant('end' as const), id, outcome) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom('update' as const, 'delete' as const), id) },
  { weight: 2, arbitrary: fc.tuple(fc.constantFrom('advance' as const, 'block' as const), time) },
  { weight: 1, arbitrary: fc.constant(['pressed'] as const) },
)

test('a registry has what the plainest model of it has, at every step, and each leaves once', async () => {
  const property = fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
    const clock = new FakeClock()
    const left: string[] = []
    const seen: number[] = []
    const jobs: JobRegistry<number> = new JobRegistry<number>({
      ...{ clock, retain: RETAIN, retainPressed: PRESSED, max: MAX },
      onEvict: ({ id, data }) => {
        left.push(`${id} ${data}`)
        seen.push(jobs.stats().kept)
      },
    })
    const model = new Model()
    let serial = 0
    for (const [verb, ...more] of steps) {
      model.keep(RETAIN)
      const [key, how] = more as [string, JobOutcome]
      serial += 1
      if (verb === 'start') {
        if (model.start(key, serial)) jobs.start(key, serial)
        else expect(() => jobs.start(key, serial)).toThrow(RangeError)
      } else if (verb === 'update') {
        model.update(key, serial)
        jobs.update(key, serial)
      } else if (verb === 'end') {
        model.end(key, how)
        jobs.end(key, how)
      } else if (verb === 'delete') {
        model.delete(key)
        jobs.delete(key)
      } else if (verb === 'pressed') {
        model.keep(PRESSED)
        jobs.sweep({ pressure: { level: 'high', usage: 0.9 } })
      } else {
        model.now += Number(key)
        model.keep(RETAIN)
        if (verb === 'advance') await clock.advance(Number(key))
        else clock.blocked(Number(key))
      }
      const here = jobs.list().map(({ id, state, data }) => `${id} ${state} ${data}`)
      expect(here).toEqual(model.jobs.map(({ id, state, data }) => `${id} ${state} ${data}`))
      expect(clock.pending).toBeLessThanOrEqual(1)
    }
    const { started, active, kept, evicted, late } = jobs.stats()
    expect(started).toBe(active + kept + Object.values(evicted).reduce((sum, count) => sum + count, 0))
    expect(late).toBe(model.late)
    expect(new Set(left).size).toBe(left.length)
    expect(Math.max(0, ...seen)).toBeLessThanOrEqual(MAX)
    await jobs.close()
    expect(clock.pending).toBe(0)
  })
  await fc.assert(property, { numRuns: 1_000 * rounds })
})

test('whatever a store does in between, it has the last state of each job in the end, and never goes back', async () => {
  const fate = fc.constantFrom('at once', 'later', 'fails', 'fails later', 'hangs')
  const change = fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.constantFrom(0, 1, 50, 400))
  const property = fc.asyncProperty(fc.array(change, { maxLength: 30 }), fc.array(fate), async (changes, fates) => {
    const clock = new FakeClock()
    const kept = new Map<string, number>()
    const store: JobStore = {
      get: (key) => kept.get(key),
      delete: (key) => kept.delete(key),
      set: async (key, value) => {
        const { data } = value as { data: number }
        const how = fates.pop() ?? 'at once'
        if (how === 'hangs') await new Promise((resolve) => clock.setTimeout(() => resolve(undefined), 150))
        if (how.endsWith('later')) await new Promise((resolve) => clock.setTimeout(() => resolve(undefined), 20))
        if (how.startsWith('fails')) throw new Error('away')
        if (how !== 'hangs') expect(data).toBeGreaterThanOrEqual(kept.get(key) ?? 0)
        kept.set(key, data)
      },
    }
    const jobs = new JobRegistry<number>({ clock, store, writeTimeout: 100 })
    const last = new Map<string, number>()
    let serial = 0
    for (const [key, wait] of changes) {
      serial += 1
      if (jobs.has(key)) jobs.update(key, serial)
      else jobs.start(key, serial)
      last.set(key, serial)
      if (wait > 0) await clock.advance(wait)
    }
    for (let round = 0; round < 40 && jobs.stats().unsaved > 0; round += 1) await clock.advance(30_000)
    await clock.advance(1_000)
    expect(kept).toEqual(last)
    expect(await jobs.close()).toMatchObject({ unsaved: 0 })
    expect(clock.pending).toBe(0)
  })
  await fc.assert(property, { numRuns: 300 * rounds })
})
