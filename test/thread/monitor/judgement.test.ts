import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Evidence, type Verdict, weigh } from '../../../src/thread/monitor/evidence.ts'
import { Judgement, type Look, type Rules } from '../../../src/thread/monitor/judgement.ts'

const rules: Rules = { check: 100, hang: 1_000, confirm: 2, busy: 5_000, boot: 3_000, unseen: 60_000 }
const tallies = { now: 0, turns: 0, sleeps: 0 }
const spins: Evidence = { stop: 'stopped', waits: false, cpu: 1, tallies }
const waits: Evidence = { stop: 'stopped', waits: true, cpu: 0, tallies }
const native: Evidence = { stop: 'native' }

/** Looks at a thread every 100 ms, and examines it at once where that is wanted. */
class Watch {
  readonly judgement: Judgement
  readonly verdicts: Verdict[] = []
  examinations = 0
  now = 0
  #look: Look = {
    ...tallies,
    beats: 0,
    state: 'running',
    isParked: false,
    cpu: 1,
    elu: 0.5,
    isKnown: true,
    isCounted: false,
  }
  #evidence: Evidence | 'moved'

  constructor(evidence: Evidence | 'moved' = spins, own: Partial<Rules> = {}) {
    this.#evidence = evidence
    this.judgement = new Judgement({ ...rules, ...own }, 0)
    this.for(200, {}, true)
  }

  for(ms: number, look: Partial<Look>, beats = false, evidence = this.#evidence): this {
    for (let passed = 0; passed < ms; passed += 100) {
      this.now += 100
      this.#look = { ...this.#look, ...look, now: this.now, beats: this.#look.beats + (beats ? 1 : 0) }
      let next = this.judgement.look(this.#look)
      if (next === 'examine') {
        this.examinations += 1
        next = this.judgement.hear(evidence === 'moved' ? undefined : evidence, { ...tallies, now: this.now })
      }
      if (next === 'changed') this.verdicts.push(this.judgement.verdict)
    }
    return this
  }
}

describe('a silent thread', () => {
  test('is hung after the time it has, on as many looks as it takes', () => {
    expect(new Watch().for(1_000, {}).verdicts).toEqual(['running'])
    expect(new Watch().for(1_100, {}).verdicts).toEqual(['running', 'hung'])
    expect(new Watch(spins, { confirm: 5 }).for(1_300, {}).verdicts).toEqual(['running'])
    expect(new Watch(spins, { confirm: 5 }).for(1_400, {}).verdicts).toEqual(['running', 'hung'])
    expect(new Watch(spins, { confirm: 1 }).for(1_000, {}).verdicts).toEqual(['running', 'hung'])
  })

  test('is examined once, and accused once', () => {
    const watch = new Watch().for(30_000, {})
    expect(watch.examinations).toBe(1)
    expect(watch.verdicts).toEqual(['running', 'hung'])
  })

  test('that goes on has recovered', () => {
    expect(new Watch().for(2_000, {}).for(100, {}, true).verdicts).toEqual(['running', 'hung', 'running'])
    expect(new Watch(native).for(2_000, {}).for(100, {}, true).verdicts).toEqual(['running', 'native', 'running'])
  })

  test('that was stuck and is so no more is seen to be, also where it never beats, as in a pool', () => {
    const idle = { cpu: 0, sleeps: 1 }
    expect(new Watch().for(1_500, {}).for(2_000, idle, false, waits).verdicts).toEqual(['running', 'hung', 'parked'])
    const worked = new Watch().for(1_500, {}).for(1_500, { turns: 1 }, false, {
      ...spins,
      tallies: { ...tallies, turns: 1 },
    })
    expect(worked.verdicts).toEqual(['running', 'hung'])
    expect(worked.examinations).toBe(2)
    const blocked = new Watch(native).for(1_500, { cpu: 0 })
    expect(blocked.for(10_000, {}).examinations).toBe(1)
    expect(blocked.for(2_000, idle, false, waits).verdicts).toEqual(['running', 'native', 'parked'])
  })

  test('that is terminated is looked at no more', () => {
    const watch = new Watch().for(1_500, {})
    watch.judgement.end()
    expect(watch.for(10_000, { cpu: 0, sleeps: 1 }, false, waits).verdicts).toEqual(['running', 'hung'])
    expect(watch.examinations).toBe(1)
  })

  test('that moves while it is examined is not accused, and gets all of its time anew', () => {
    const watch = new Watch('moved').for(700, {})
    expect(watch.verdicts).toEqual(['running'])
    expect(watch.examinations).toBe(1)
  })

  test('that comes round to its microtasks is busy; if it never sleeps, it is hung in the end', () => {
    const watch = new Watch().for(700, {}).for(900, { turns: 1 })
    expect(watch.verdicts).toEqual(['running', 'busy'])
    expect(watch.for(5_000, {}).verdicts).toEqual(['running', 'busy', 'hung'])
    expect(watch.examinations).toBe(1)
  })

  test('that says it is parked is never examined; its time begins when it does so no more', () => {
    const watch = new Watch().for(90_000, { isParked: true })
    expect(watch.examinations).toBe(0)
    expect(watch.for(1_000, { isParked: false }).verdicts).toEqual(['running', 'parked'])
    expect(watch.for(100, {}).verdicts).toEqual(['running', 'parked', 'hung'])
  })

  test('that does nothing and waits is examined once, and not again before it has worked', () => {
    const watch = new Watch(waits).for(90_000, { cpu: 0 })
    expect(watch.verdicts).toEqual(['running', 'parked'])
    expect(watch.examinations).toBe(1)
    watch.for(1_000, { cpu: 1 }, false, spins)
    expect(watch.verdicts).toEqual(['running', 'parked'])
    expect(watch.for(200, { cpu: 1 }, false, spins).verdicts).toEqual(['running', 'parked', 'hung'])
  })

  test('that waits, where nobody counts what it does, is examined less and less often', () => {
    const watch = new Watch(waits).for(600_000, { cpu: undefined })
    expect(watch.verdicts).toEqual(['running', 'parked'])
    expect(watch.examinations).toBeLessThan(30)
  })

  test('that waits, has woken for a moment and sleeps elsewhere, is examined again', () => {
    const watch = new Watch(waits).for(20_000, { cpu: 0 })
    watch.for(1_000, { sleeps: 1 }, false, native)
    expect(watch.verdicts).toEqual(['running', 'parked'])
    expect(watch.for(300, {}, false, native).verdicts).toEqual(['running', 'parked', 'native'])
  })

  test('that boots has the time for that', () => {
    const judgement = new Judgement(rules, 0)
    const look = {
      ...tallies,
      beats: 0,
      state: 'booting',
      isParked: false,
      cpu: 1,
      elu: 1,
      isKnown: true,
      isCounted: false,
    } as const
    for (let now = 100; now < 1_400; now += 100) expect(judgement.look({ ...look, now })).toBe('nothing')
    expect(judgement.look({ ...look, now: 1_400 })).toBe('examine')
    expect(judgement.hear(spins, { ...tallies, now: 1_500 })).toBe('nothing')
    for (let now = 1_500; now <= 3_000; now += 100) expect(judgement.look({ ...look, now })).toBe('nothing')
    expect(judgement.look({ ...look, now: 3_100 })).toBe('changed')
    expect(judgement.verdict).toBe('hung')
  })

  test('that was asked to end is never accused', () => {
    expect(new Watch().for(90_000, { state: 'stopping' }).verdicts).toEqual(['running', 'stopping'])
  })

  test('that nobody knows is unseen in the end, and never examined', () => {
    const watch = new Watch().for(59_900, { isKnown: false })
    expect(watch.verdicts).toEqual(['running'])
    expect(watch.for(100, {}).verdicts).toEqual(['running', 'unseen'])
    expect(watch.examinations).toBe(0)
  })
})

describe('a thread that beats', () => {
  test('and has not paused for long is busy, and not when it has', () => {
    expect(new Watch().for(5_000, { elu: 1 }, true).verdicts).toEqual(['running'])
    const watch = new Watch().for(5_100, { elu: 0.99 }, true)
    expect(watch.verdicts).toEqual(['running', 'busy'])
    expect(watch.for(100, { elu: 0.98 }, true).verdicts).toEqual(['running', 'busy', 'running'])
  })

  test('is not called busy where nobody knows', () => {
    expect(new Watch().for(90_000, { elu: undefined }, true).verdicts).toEqual(['running'])
  })
})

describe('the evidence:', () => {
  const since = { now: 0, turns: 5, sleeps: 5 }
  const stopped = (cpu: number | undefined, isWait = false): Evidence => ({
    ...{ stop: 'stopped', waits: isWait, cpu, tallies: since },
  })
  const far = (cpu: number | undefined): Evidence => ({ stop: 'unreachable', cpu, tallies: since })
  const turned = { turns: 6, sleeps: 6 }
  test.each<[string, Evidence, object, Verdict]>([
    ['runs JavaScript', stopped(1), {}, 'hung'],
    ['does nothing and can be stopped', stopped(0), {}, 'parked'],
    ['is in a wait, where nobody counts what it does', stopped(undefined, true), {}, 'parked'],
    ['is in no wait, where nobody counts what it does', stopped(undefined), {}, 'hung'],
    ['was in a wait when it was looked at, but works', stopped(0.5, true), {}, 'hung'],
    ['goes from task to task, and sleeps', stopped(0.5), turned, 'busy'],
    ['goes from task to task, where nobody counts its sleeps', stopped(1), { turns: 6, sleeps: undefined }, 'busy'],
    ['comes round, and has not slept yet', stopped(1), { turns: 6, now: 499 }, 'busy'],
    ['goes in a circle of promises', stopped(1), { turns: 6, now: 500 }, 'hung'],
    ['goes from task to task for long', stopped(1), { ...turned, now: 500 }, 'busy'],
    ['sleeps, but never comes round', stopped(1), { sleeps: 9 }, 'hung'],
    ['never stops', { stop: 'native' }, {}, 'native'],
    ['was stopped before', { stop: 'debugged' }, {}, 'debugged'],
    ['works, and nobody can stop it', far(1), {}, 'hung'],
    ['works and sleeps, and nobody can stop it', far(1), { sleeps: 6 }, 'busy'],
    ['does nothing, and nobody can stop it', far(0), {}, 'parked'],
    ['shows nothing at all', far(undefined), { sleeps: undefined }, 'parked'],
  ])('what %s', (_, evidence, now, verdict) => {
    expect(weigh(evidence, { ...since, ...now }, 500)).toBe(verdict)
  })
})

/** What a thread does for a while, and how that looks from outside. */
const phases = {
  beats: { beats: true, cpu: 0.3 },
  spins: { beats: false, cpu: 1 },
  waits: { beats: false, cpu: 0 },
  native: { beats: false, cpu: 0 },
  /** From task to task, without its event loop. */
  tasks: { beats: false, cpu: 0.8 },
  declares: { beats: false, cpu: 0 },
  debugged: { beats: false, cpu: 0 },
  /** The whole process stands still, and nobody looks. */
  frozen: undefined,
  /** The monitor alone stands still. */
  unwatched: { beats: true, cpu: 0.3 },
} as const
type Phase = keyof typeof phases

interface Accusation {
  readonly at: number
  readonly verdict: Verdict
}

/** An examination: when it stops the thread, how it finds it, and what that has counted by then. */
interface Exam {
  readonly at: number
  readonly beats: number
  found?: { phase: Phase; used: number; turns: number; at: number }
}

/** For how long an examination looks at what a thread does. */
const AFTER = 100

/** Runs a thread through phases, ms by ms, under a monitor that looks every `check` ms and takes a while to examine. */
class Simulation {
  readonly hang = 300
  readonly accusations: Accusation[] = []
  readonly doing: Phase[] = []
  readonly beaten: true[] = []
  readonly turned: true[] = []
  readonly #check: number
  readonly #delay: number
  readonly #judgement: Judgement
  #now = 0
  #beats = 1
  #used = 0
  #turns = 0
  #due: number
  #last = 0
  #usedBefore = 0
  #exam: Exam | undefined

  constructor({ check = 50, delay = 20, confirm = 2 }) {
    this.#check = check
    this.#delay = delay
    this.#due = check
    this.#judgement = new Judgement({ check, hang: this.hang, confirm, busy: 1e9, boot: 0, unseen: 1e9 }, 0)
  }

  run(schedule: readonly (readonly [string, number])[]): this {
    for (const [phase, ms] of schedule as readonly [Phase, number][]) {
      // Whoever goes on to something else comes round on the way, but not from the midst of a loop.
      if (phase !== 'spins' && phase !== 'native') this.#turn()
      for (let passed = 0; passed < ms; passed += 1) this.#pass(phase)
    }
    return this
  }

  #turn(): void {
    this.#turns += 1
    this.turned[this.#now + 1] = true
  }

  #pass(phase: Phase): void {
    this.#now += 1
    this.doing[this.#now] = phase
    const state = phases[phase]
    if (state === undefined) return
    this.#used += state.cpu
    if (state.beats && this.#now % 20 === 0) {
      this.#beats += 1
      this.beaten[this.#now] = true
    }
    if ((phase === 'tasks' || state.beats) && this.#now % 60 === 0) this.#turn()
    if (phase === 'unwatched') return
    if (this.#exam !== undefined) this.#examine(this.#exam, phase)
    if (this.#now >= this.#due) this.#round(phase)
  }

  #examine(exam: Exam, phase: Phase): void {
    if (this.#now < exam.at) return
    if (phase !== 'native') exam.found ??= { phase, used: this.#used, turns: this.#turns, at: this.#now }
    if (this.#now < (exam.found?.at ?? exam.at) + AFTER) return
    this.#exam = undefined
    const { found } = exam
    let evidence: Evidence = { stop: 'native' }
    if (found?.phase === 'debugged') evidence = { stop: 'debugged' }
    else if (found !== undefined) {
      const cpu = (this.#used - found.used) / AFTER
      const tallies = { now: found.at, turns: found.turns, sleeps: found.turns }
      evidence = { stop: 'stopped', waits: found.phase === 'waits', cpu, tallies }
    }
    this.#note(this.#judgement.hear(this.#beats === exam.beats ? evidence : undefined, this.#tallies))
  }

  #round(phase: Phase): void {
    if (this.#now - this.#last > 2 * this.#check) this.#judgement.begin(this.#now)
    const next = this.#judgement.look({
      ...this.#tallies,
      beats: this.#beats,
      cpu: (this.#used - this.#usedBefore) / (this.#now - this.#last),
      elu: 0.5,
      state: 'running',
      isKnown: true,
      isCounted: true,
      isParked: phase === 'declares',
    })
    this.#note(next)
    if (next === 'examine') this.#exam = { at: this.#now + this.#delay, beats: this.#beats }
    this.#usedBefore = this.#used
    this.#last = this.#now
    this.#due = this.#now + this.#check
  }

  get #tallies() {
    return { now: this.#now, turns: this.#turns, sleeps: this.#turns }
  }

  #note(next: string): void {
    const { verdict } = this.#judgement
    if (next === 'changed' && (verdict === 'hung' || verdict === 'native'))
      this.accusations.push({ at: this.#now, verdict })
  }
}

const anyRhythm = fc.record({
  check: fc.integer({ min: 20, max: 200 }),
  delay: fc.integer({ min: 0, max: 300 }),
  confirm: fc.integer({ min: 1, max: 4 }),
})

function anySchedule(of: readonly string[]) {
  const anyTime = fc.oneof(fc.integer({ min: 1, max: 120 }), fc.integer({ min: 1, max: 2_000 }))
  return fc.array(fc.tuple(fc.constantFrom(...of), anyTime), { minLength: 1, maxLength: 10 })
}

describe('whatever a thread and the monitor go through,', () => {
  test('nobody is accused who has beaten or stood still within the time that it has', () => {
    fc.assert(
      fc.property(anySchedule(Object.keys(phases)), anyRhythm, (schedule, rhythm) => {
        const { accusations, beaten, turned, doing, hang } = new Simulation(rhythm).run(schedule)
        for (const { at, verdict } of accusations) {
          expect(beaten.slice(at - hang + 1, at + 1)).not.toContain(true)
          if (verdict === 'hung') expect(turned.slice(at - hang / 2 + 1, at + 1)).not.toContain(true)
          // The last look that it takes may come some looks after what was seen.
          else expect(doing.slice(at - hang - rhythm.confirm * rhythm.check, at + 1)).toContain('native')
        }
      }),
      { numRuns: 4_000 },
    )
  })

  test('who beats, waits, works off tasks, or is debugged is never accused', () => {
    const innocent = Object.keys(phases).filter((phase) => phase !== 'spins' && phase !== 'native')
    fc.assert(
      fc.property(anySchedule(innocent), anyRhythm, (schedule, rhythm) => {
        expect(new Simulation(rhythm).run(schedule).accusations).toEqual([])
      }),
      { numRuns: 4_000 },
    )
  })

  test('who has waited for long and is given work is not accused before that has taken too long', () => {
    const anyWork = fc.array(fc.tuple(fc.integer({ min: 1, max: 2_000 }), fc.integer({ min: 1, max: 140 })))
    fc.assert(
      fc.property(anyWork, anyRhythm, (work, rhythm) => {
        const schedule = work.flatMap(([idle, ms]) => [
          ['waits', idle + 3 * rhythm.check] as const,
          ['spins', ms] as const,
        ])
        expect(new Simulation(rhythm).run(schedule).accusations).toEqual([])
      }),
      { numRuns: 2_000 },
    )
  })

  test.each(['spins', 'native'])('who %s for long enough is found', (phase) => {
    fc.assert(
      fc.property(
        anySchedule(['beats', 'frozen', 'declares', 'unwatched']),
        fc.integer({ min: 20, max: 150 }),
        (earlier, check) => {
          // The last beat may have come just before the end of that phase, and be seen a look later.
          const long = 300 + 20 + 4 * check + AFTER
          const schedule = [...earlier, ['beats', 500] as const, [phase, long] as const]
          expect(new Simulation({ check, delay: 10 }).run(schedule).accusations).toHaveLength(1)
        },
      ),
      { numRuns: 2_000 },
    )
  })
})
