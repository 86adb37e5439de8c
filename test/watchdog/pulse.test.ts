import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Patience } from '../../src/watchdog/patience.ts'
import { beatEvery, Pulse } from '../../src/watchdog/pulse.ts'

const slack = 400
const every = beatEvery(slack)

/** What the main thread does for a while: its loop turns or is blocked, or the whole process stands still. */
interface Stretch {
  readonly does: 'turns' | 'blocks' | 'stands'
  readonly ms: number
}

/** A main thread and a watchdog's on one line of time. `late` is by how much each sleep of the watchdog's is too long. */
class Play {
  readonly #due: number
  readonly #stretches: readonly Stretch[]
  readonly #late: (nth: number) => number

  constructor(due: number, stretches: readonly Stretch[], late: (nth: number) => number = () => 0) {
    this.#due = due
    this.#stretches = stretches
    this.#late = late
  }

  /** When the main thread was found blocked; `undefined` where it never was. */
  foundBlocked(): number | undefined {
    const end = this.#stretches.reduce((sum, { ms }) => sum + ms, 0)
    const pulse = new Pulse(slack)
    pulse.follow(this.#due)
    for (let now = 0, looks = 0; now < end; looks += 1) {
      const sleep = pulse.look(now, this.#beatsAt(now))
      if (sleep === 0) return now
      now = this.#wake(now, sleep + this.#late(looks))
    }
    return undefined
  }

  /** For how long it had run without its loop turning, past the deadline and since the process stood still last. */
  blockedAt(moment: number): number {
    let blocked = 0
    for (const { does, from, to } of this.#timeline()) {
      if (from >= moment) break
      if (does === 'blocks') blocked += Math.max(0, Math.min(to, moment) - Math.max(from, this.#due))
      else blocked = 0
    }
    return blocked
  }

  /** The longest that it ran like that, and when that had lasted for `ms`. */
  firstBlockedFor(ms: number): number | undefined {
    for (const { does, from, to } of this.#timeline()) {
      const before = this.blockedAt(from)
      if (does === 'blocks' && this.blockedAt(to) >= ms) return Math.max(from, this.#due) + ms - before
    }
    return undefined
  }

  /** A loop that turns beats from the deadline on; when a block ends, the beat that was due comes at once. */
  #beatsAt(moment: number): number {
    let beats = 0
    let next = this.#due
    for (const { does, from, to } of this.#timeline()) {
      if (from > moment) break
      if (does !== 'turns') continue
      for (let at = Math.max(next, from); at < to && at <= moment; at += every) {
        beats += 1
        next = at + every
      }
    }
    return beats
  }

  /** When a sleep ends: whoever sleeps stands still too. */
  #wake(now: number, sleep: number): number {
    let end = now + sleep
    // One that follows upon another is the same.
    for (const { does, from, to } of this.#timeline()) {
      if (does === 'stands' && from <= end && to > now) end = Math.max(end, to)
    }
    return end
  }

  *#steps(): Generator<Stretch & { from: number; to: number }> {
    let from = 0
    for (const stretch of this.#stretches) {
      yield { ...stretch, from, to: from + stretch.ms }
      from += stretch.ms
    }
  }

  #timeline(): (Stretch & { from: number; to: number })[] {
    return [...this.#steps()]
  }
}

const turns = (ms: number): Stretch => ({ does: 'turns', ms })
const blocks = (ms: number): Stretch => ({ does: 'blocks', ms })
const stands = (ms: number): Stretch => ({ does: 'stands', ms })

describe('a main thread', () => {
  test.each<[string, number, Stretch[]]>([
    ['blocked since before the deadline', 1_400, [turns(500), blocks(5_000)]],
    ['blocked from the start', 1_400, [blocks(5_000)]],
    ['blocked after the deadline', 3_400, [turns(3_000), blocks(5_000)]],
    ['blocked after it came back late', 3_400, [blocks(1_300), turns(1_700), blocks(5_000)]],
    ['that stood still, and is blocked', 4_400, [turns(500), stands(3_500), blocks(5_000)]],
    ['that stood still in the midst of its block', 6_400, [turns(500), blocks(700), stands(4_800), blocks(5_000)]],
  ])('%s is found soon', (_, at, stretches) => {
    const found = new Play(1_000, stretches).foundBlocked()
    expect(found).toBeGreaterThanOrEqual(at - every)
    expect(found).toBeLessThanOrEqual(at + 2 * every)
  })

  test.each<[string, Stretch[]]>([
    ['that turns, however late it is', [turns(60_000)]],
    ['blocked only before the deadline', [blocks(990), turns(5_000)]],
    ['blocked for less than the slack', [turns(900), blocks(450), turns(1_000), blocks(300), turns(1_000)]],
    ['that stands still', [turns(1_200), stands(60_000), turns(1_000)]],
    ['that stands still again and again', [...Array(20)].flatMap(() => [stands(500), turns(100)])],
    [
      'blocked, then still, then blocked, for less than the slack each',
      [blocks(1_300), stands(900), blocks(300), turns(900)],
    ],
  ])('%s is left alone', (_, stretches) => {
    expect(new Play(1_000, stretches).foundBlocked()).toBeUndefined()
  })

  const stretch: fc.Arbitrary<Stretch> = fc.oneof(
    fc.record({ does: fc.constant('turns'), ms: fc.integer({ min: 1, max: 1_500 }) }),
    fc.record({ does: fc.constant('blocks'), ms: fc.integer({ min: 1, max: 1_500 }) }),
    // A stop that is shorter cannot be told from a machine that is busy.
    fc.record({ does: fc.constant('stands'), ms: fc.integer({ min: 400, max: 100_000 }) }),
  ) as fc.Arbitrary<Stretch>
  const days = fc.record({
    due: fc.integer({ min: 0, max: 3_000 }),
    stretches: fc.array(stretch, { maxLength: 12 }),
    late: fc.array(fc.integer({ min: 0, max: 100 }), { minLength: 1, maxLength: 5 }),
  })
  const playOf = ({ due, stretches, late }: { due: number; stretches: Stretch[]; late: number[] }): Play =>
    new Play(due, stretches, (nth) => late[nth % late.length] ?? 0)

  test('is found blocked only while it is, for about the slack, past the deadline', () => {
    const blocked = (play: Play): boolean => {
      const found = play.foundBlocked()
      return found === undefined || play.blockedAt(found) >= slack - every - 100
    }
    fc.assert(
      fc.property(days, (day) => blocked(playOf(day))),
      { numRuns: 5_000 },
    )
  })

  test('is found whenever it is blocked for long enough, and soon', () => {
    const long = slack + 3 * (every + 100)
    const found = (play: Play): boolean => {
      const latest = play.firstBlockedFor(long)
      return latest === undefined || (play.foundBlocked() ?? Number.POSITIVE_INFINITY) <= latest
    }
    fc.assert(
      fc.property(days, (day) => found(playOf(day))),
      { numRuns: 5_000 },
    )
  })
})

describe('the rule', () => {
  test('sleeps until the deadline, and for ever where there is none', () => {
    const pulse = new Pulse(slack)
    expect(pulse.look(5, 0)).toBe(Number.POSITIVE_INFINITY)
    pulse.follow(1_000)
    expect(pulse.look(5, 0)).toBe(995)
    expect(pulse.look(995, 0)).toBe(5)
    pulse.follow(Number.POSITIVE_INFINITY)
    expect(pulse.look(2_000, 0)).toBe(Number.POSITIVE_INFINITY)
  })

  test('begins anew with another deadline, also one that has passed', () => {
    const pulse = new Pulse(slack)
    pulse.follow(0)
    for (let now = 0; now < slack; now += every) expect(pulse.look(now, 0)).toBeGreaterThan(0)
    pulse.follow(slack - 1)
    expect(pulse.look(slack, 0)).toBe(every)
  })

  test.each([
    ['beats again', (pulse: Pulse) => expect(pulse.look(10_000, 1)).toBe(every)],
    ['has another deadline', (pulse: Pulse) => pulse.follow(10_000)],
  ])('once told to rest, says nothing more until the main thread %s', (_, wake) => {
    const pulse = new Pulse(slack)
    pulse.follow(0)
    let now = 0
    while (pulse.look(now, 0) > 0) now += every
    pulse.rest()
    for (; now < 10_000; now += every) expect(pulse.look(now, 0)).toBeGreaterThan(0)
    wake(pulse)
    const found = Array.from({ length: 8 }, (_, nth) => pulse.look(10_000 + nth * every, 1))
    expect(found).toContain(0)
  })
})

describe('patience', () => {
  test('counts what each step took', () => {
    const patience = new Patience(100)
    patience.spend(60, 50)
    expect(patience.left).toBe(40)
    patience.spend(60, 50)
    expect(patience.left).toBe(0)
  })

  test('begins again after a step that took much longer than asked', () => {
    const patience = new Patience(100)
    patience.spend(60, 50)
    patience.spend(10_000, 50)
    expect(patience.left).toBe(100)
  })
})
