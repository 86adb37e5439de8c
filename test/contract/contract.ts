import { Lifecycle, type Outcome, type PlaceOptions, type Report } from 'endswell'
import { FakeClock } from 'endswell/testing'
import { describe, expect, test } from 'vitest'
import { listeners } from '../fixtures/listeners.ts'
import { until } from '../fixtures/until.ts'

/** Why a rule does not apply to a kind. */
export interface Cannot {
  readonly cannot: string
}

type Maker<Made> = () => Made | Promise<Made>

/** A kind, as the rules that hold for all kinds see it. Nothing that it makes may survive the test. */
export interface Sample<T extends object> {
  /** The name of the kind in reports. */
  readonly kind: string
  /** Makes one that closes gently. */
  readonly make: Maker<T>
  /** Makes one that does not close, but can be forced. */
  readonly hang: Maker<T> | Cannot
  /** What happens to that one between its registration and its closing. Default: nothing. */
  readonly occupy?: (value: T) => unknown
  /** Makes one that neither rung ends. */
  readonly stuck: Maker<T> | Cannot
  /** Makes one whose closing fails, and tells afterwards with what. */
  readonly fail: Maker<{ value: T; error: () => unknown }> | Cannot
  /** Has it end without its lifecycle; settles when it has. */
  readonly endByItself: ((value: T) => unknown) | Cannot
  /** Whether it has ended, seen from outside. */
  readonly isGone: (value: T) => boolean
  /** Registers it. Default: `life.use(value, { name, ...options })`. */
  readonly use?: (life: Lifecycle, value: T, name: string, options: PlaceOptions) => unknown
  /** The path of its row. Default: `/life/it`. */
  readonly path?: string
  /** Whether no event tells of its end, so that it leaves at a sweep. Default: false. */
  readonly silent?: boolean
}

const GRACE = 100
/** As long as whatever is forced gets. */
const WINDOW = 1_000
/** More silent resources than a lifecycle lets gather without asking whether they are gone. */
const SWEEP = 130

/** The rules that every kind keeps, each a test. A rule that the sample says it cannot have is no test. */
export function describeKind<T extends object>(title: string, sample: Sample<T>): void {
  const { kind, make, hang, stuck, fail, endByItself, isGone, path = '/life/it', silent = false } = sample
  const use = sample.use ?? ((life, value, name, options) => life.use(value, { name, ...options }))

  function own(value: T, order: 'reverse' | 'parallel' = 'reverse') {
    const clock = new FakeClock()
    const life = new Lifecycle({ name: 'life', grace: GRACE, clock, order })
    use(life, value, 'it', {})
    return { life, clock }
  }

  function expectEnd(report: Report, outcome: Outcome, { life, clock }: ReturnType<typeof own>): void {
    expect(report.rows).toMatchObject([{ path, kind, outcome }])
    expect(report.counts).toEqual({ closed: 0, forced: 0, failed: 0, abandoned: 0, [outcome]: 1 })
    expect([report.complete, life.state, life.snapshot().size]).toEqual([true, 'closed', 0])
    expect(clock.pending, 'timers left behind').toBe(0)
  }

  describe(title, () => {
    test('closes gently', async () => {
      const value = await make()
      const owner = own(value)
      expect(isGone(value)).toBe(false)
      const report = await owner.life.close()
      expectEnd(report, 'closed', owner)
      expect(report.rows[0]).not.toHaveProperty('error')
      expect(isGone(value)).toBe(true)
    })

    test('can be released twice, and its lifecycle closed twice', async () => {
      const value = await make()
      const { life, clock } = own(value)
      expect(await Promise.all([life.release('it'), life.release('it')])).toEqual(['closed', 'closed'])
      expect([life.state, life.snapshot().size, clock.pending, isGone(value)]).toEqual(['open', 0, 0, true])
      const reports = await Promise.all([life.close(), life.close()])
      for (const { rows } of [...reports, await life.close()]) expect(rows).toEqual([])
    })

    test.each(['reverse', 'parallel'] as const)('closes gently also when it is closed twice (%s)', async (order) => {
      const value = await make()
      const { life, clock } = own(value, order)
      use(life, value, 'it', {})
      const { counts } = await life.close()
      // The second leaves by itself where something tells that the first has ended it.
      expect(counts).toEqual({ closed: expect.toBeOneOf([1, 2]), forced: 0, failed: 0, abandoned: 0 })
      expect([isGone(value), clock.pending]).toEqual([true, 0])
    })

    test('is let go of when it is forgotten: it lives on, and nothing of ours stays on it', async () => {
      const value = await make()
      const before = listeners(value)
      const { life, clock } = own(value)
      expect(life.forget('it')).toBe(true)
      expect(listeners(value)).toEqual(before)
      expect([life.snapshot().size, clock.pending, isGone(value)]).toEqual([0, 0, false])
      expect((await life.close()).rows).toEqual([])
      expect(isGone(value)).toBe(false)
    })

    test('refuses bad input, and stays as it was', async () => {
      const value = await make()
      const before = listeners(value)
      const life = new Lifecycle('life')
      const range = (code: string) => expect.objectContaining({ name: 'RangeError', code })
      expect(() => use(life, value, 'a/b', {})).toThrow(range('ERR_OUT_OF_RANGE'))
      expect(() => use(life, value, '', {})).toThrow(range('ERR_OUT_OF_RANGE'))
      expect(() => use(life, value, 'it', { dependsOn: ['nobody'] })).toThrow(range('ERR_UNKNOWN_RESOURCE'))
      const type = expect.objectContaining({ name: 'TypeError', code: 'ERR_UNKNOWN_OPTION' })
      expect(() => use(life, value, 'it', { dependOn: [] } as PlaceOptions)).toThrow(type)
      expect(life.snapshot().size).toBe(0)
      await life.close()
      const closed = expect.objectContaining({ name: 'ReferenceError', code: 'ERR_CLOSED' })
      expect(() => life.use(value)).toThrow(closed)
      expect([listeners(value), isGone(value)]).toEqual([before, false])
    })

    if (typeof endByItself === 'function') {
      test('leaves by itself when it ends by itself', async () => {
        const value = await make()
        const before = count(listeners(value))
        const { life, clock } = own(value)
        await endByItself(value)
        expect(isGone(value)).toBe(true)
        if (silent) for (let more = 0; more < SWEEP; more++) use(life, await make(), 'other', {})
        const held = () => life.snapshot().resources.map((resource) => resource.path)
        await until('it has left', () => !held().includes('/life/it'))
        expect(count(listeners(value))).toBeLessThanOrEqual(before)
        expect(life.snapshot().size).toBe(silent ? SWEEP : 0)
        await life.close()
        expect(clock.pending).toBe(0)
      })
    }

    if (typeof hang === 'function') {
      test('is forced when it has not closed within its grace', async () => {
        const value = await hang()
        const owner = own(value)
        await sample.occupy?.(value)
        const closing = owner.life.close()
        await owner.clock.advance(GRACE - 1)
        expect([owner.life.state, isGone(value)]).toEqual(['closing', false])
        await owner.clock.advance(1)
        expectEnd(await closing, 'forced', owner)
        expect(isGone(value)).toBe(true)
        await expect(owner.life.disposeAsync()).resolves.toBeUndefined()
      })

      test('is forced at once when everything must end now', async () => {
        const value = await hang()
        const owner = own(value)
        await sample.occupy?.(value)
        expectEnd(await owner.life.close({ force: true }), 'forced', owner)
        expect(isGone(value)).toBe(true)
      })
    }

    if (typeof stuck === 'function') {
      const abandoned = expect.objectContaining({ name: 'EndswellError', code: 'ERR_ABANDONED', path })

      test('is abandoned, and named, when neither rung ends it', async () => {
        const value = await stuck()
        const owner = own(value)
        const closing = owner.life.close()
        await owner.clock.advance(GRACE + WINDOW)
        const report = await closing
        expectEnd(report, 'abandoned', owner)
        expect(report.rows[0]?.error).toEqual(abandoned)
        expect(isGone(value)).toBe(false)
      })

      test('is abandoned by disposeAsync with an error that names it', async () => {
        const { life, clock } = own(await stuck())
        const disposed = expect(life.disposeAsync()).rejects.toEqual(abandoned)
        await clock.advance(GRACE + WINDOW)
        await disposed
      })
    }

    if (typeof fail === 'function') {
      test('keeps the very error of a closing that fails', async () => {
        const { value, error } = await fail()
        const owner = own(value)
        const report = await owner.life.close()
        expectEnd(report, 'failed', owner)
        expect(report.rows[0]?.error).toBe(error())
      })

      test('rejects disposeAsync with the very error of a closing that fails', async () => {
        const { value, error } = await fail()
        const { life } = own(value)
        const got = await life.disposeAsync().catch((reason: unknown) => reason)
        expect(got).toBe(error())
      })
    }
  })
}

function count(listening: Record<string, number>): number {
  return Object.values(listening).reduce((sum, each) => sum + each, 0)
}
