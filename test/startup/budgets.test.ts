import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { StartupError } from '../../src/index.ts'
import { begin, errorOf, fate, lasting, never } from './stubs.ts'

describe('the budget that is over first is named, and the innermost that was under way then', () => {
  test('a step of its own 5 s', async () => {
    const { clock, boot } = begin()
    const failed = errorOf(boot.step('db', never))
    await clock.advance(5_000)
    expect(await failed).toMatchObject({ path: '/app/db', budget: 'step', timeout: 5_000, ms: 5_000 })
  })

  test.each([
    ['phase', { phase: 5_000 }, {}, 'the 5000 ms of the phase /app/connect were over'],
    ['phase', {}, { timeout: 5_000 }, 'the 5000 ms of the phase /app/connect were over'],
    ['criticalPath', { criticalPath: 5_000 }, { critical: true }, 'the 5000 ms of the critical path were over'],
    ['total', { total: 5_000 }, {}, 'the 5000 ms of the whole start were over'],
    ['total', { total: 5_000 }, { critical: true }, 'the 5000 ms of the whole start were over'],
  ] as const)('a step that began after 4 s of the 5 s of a %s', async (budget, options, phase, words) => {
    const { clock, life, boot } = begin(options)
    const failed = errorOf(
      boot.phase(
        'connect',
        async () => {
          await boot.step('a', lasting(clock, 4_000))
          await boot.step('b', lasting(clock, 4_000), { impact: 'orders cannot be saved' })
        },
        phase,
      ),
    )
    await clock.advance(4_999)
    expect(life.state).toBe('open')
    await clock.advance(1)
    const error = await failed
    expect(error).toBeInstanceOf(StartupError)
    expect(error).toMatchObject({
      code: 'ERR_STARTUP_TIMEOUT',
      path: '/app/connect/b',
      budget,
      timeout: 5_000,
      ms: 1_000,
      impact: 'orders cannot be saved',
      done: [{ path: '/app/connect/a', ms: 4_000 }],
      message: `/app/connect/b had not started after 1000 ms, when ${words}. Impact: orders cannot be saved.`,
    })
    expect(life.state).toBe('closed')
    expect(clock.pending).toBe(0)
  })

  test('the critical path begins with the first that is critical, and ends what is critical alone', async () => {
    const { clock, boot } = begin({ criticalPath: 5_000, step: 20_000 })
    await Promise.all([boot.step('slow', lasting(clock, 10_000)), clock.advance(10_000)])
    const plain = fate(boot.step('plain', lasting(clock, 15_000)))
    const critical = fate(boot.step('critical', never, { critical: true, optional: true }))
    await clock.advance(4_999)
    expect(critical).not.toHaveBeenCalled()
    await clock.advance(1)
    expect(critical).toHaveBeenCalledOnce()
    await clock.advance(10_000)
    expect(plain).toHaveBeenCalledOnce()
    expect(boot.report.rows[2]).toMatchObject({ state: 'degraded', error: { budget: 'criticalPath' } })
  })

  test('what begins when nothing is left fails at once', async () => {
    const { clock, boot } = begin({ phase: 3_000 })
    const failed = errorOf(
      boot.phase('connect', async () => {
        // A loop that was blocked: the timer of the phase is late.
        clock.blocked(3_500)
        await boot.step('db', never)
      }),
    )
    await clock.advance(0)
    expect(await failed).toMatchObject({ path: '/app/connect/db', budget: 'phase' })
  })
})

describe('nested steps', () => {
  test.each(['a chain of awaits', 'after a turn of the loop'])('that hang name the innermost: %s', async (way) => {
    const { clock, boot } = begin()
    const turn = () => (way === 'a chain of awaits' ? undefined : new Promise(setImmediate))
    const failed = errorOf(
      boot.step('a', async () => {
        await turn()
        await boot.step('b', async () => {
          await turn()
          await boot.step('c', never)
        })
      }),
    )
    await new Promise(setImmediate)
    await new Promise(setImmediate)
    await clock.advance(5_000)
    expect(await failed).toMatchObject({ path: '/app/a/b/c', code: 'ERR_STARTUP_TIMEOUT', budget: 'step' })
    expect(boot.report.rows[0]?.inside[0]?.inside[0]?.state).toBe('timed out')
  })

  test('that fail are named once, by the innermost', async () => {
    const { boot } = begin()
    const outer = boot.step('a', () => boot.step('b', () => Promise.reject(new Error('no route'))))
    expect(await errorOf(outer)).toMatchObject({
      path: '/app/a/b',
      message: '/app/a/b failed to start: no route.',
    })
  })

  test('are inside what began them, also in parallel', async () => {
    const { clock, boot } = begin({ plan: ['left', 'right', 'http'] })
    const failed = errorOf(
      Promise.all(
        ['left', 'right'].map((name) =>
          boot.phase(name, async () => {
            await boot.step('one', lasting(clock, name === 'left' ? 10 : 20))
            await Promise.all([boot.step('two', lasting(clock, 10)), boot.step('three', never, { timeout: 100 })])
          }),
        ),
      ),
    )
    await clock.advance(110)
    expect(await failed).toMatchObject({
      path: '/app/left/three',
      done: [
        { path: '/app/left/one', ms: 10 },
        { path: '/app/left/two', ms: 10 },
        { path: '/app/right/one', ms: 20 },
        { path: '/app/right/two', ms: 10 },
      ],
      running: ['/app/right/three'],
      notBegun: ['/app/http'],
    })
  })
})

test('two that hang in parallel are both given up, and nobody waits for the other', async () => {
  const { clock, life, boot } = begin()
  const one = errorOf(boot.step('one', never))
  const two = errorOf(boot.step('two', never))
  await clock.advance(5_000)
  expect(await one).toMatchObject({ path: '/app/one' })
  expect(await two).toMatchObject({ path: '/app/two' })
  expect(life.state).toBe('closed')
  expect((await life.close()).counts).toEqual({ closed: 0, forced: 0, failed: 0, abandoned: 0 })
})

test('no step outlives any budget around it, whatever is nested in whatever', async () => {
  const node = fc.letrec((tie) => ({
    step: fc.record({ kind: fc.constant('step' as const), ms: fc.integer({ min: 0, max: 900 }), own: budget() }),
    phase: fc.record({
      kind: fc.constant('phase' as const),
      own: budget(),
      critical: fc.boolean(),
      parallel: fc.boolean(),
      inside: fc.array(tie('any'), { maxLength: 3 }),
    }),
    any: fc.oneof({ maxDepth: 2 }, tie('step'), tie('phase')),
  }))
  await fc.assert(
    fc.asyncProperty(fc.array(node.any, { maxLength: 4 }), budget(), budget(), async (plan, total, criticalPath) => {
      const { clock, life, boot } = begin({ total, criticalPath })
      let serial = 0
      // biome-ignore lint/suspicious/noExplicitAny: letrec knows no types.
      const play = async (parts: any[], parallel: boolean): Promise<void> => {
        const all: Promise<unknown>[] = []
        for (const part of parts) {
          const name = `n${++serial}`
          const done =
            part.kind === 'step'
              ? boot.step(name, lasting(clock, part.ms), { timeout: part.own })
              : boot.phase(name, () => play(part.inside, part.parallel), { timeout: part.own, critical: part.critical })
          if (parallel) all.push(done)
          else await done
        }
        await Promise.all(all)
      }
      // biome-ignore lint/suspicious/noExplicitAny: as above.
      const outcome = fate(play(plan as any[], false))
      await clock.advance(4_000)
      expect(outcome).toHaveBeenCalledOnce()
      expect(clock.pending).toBe(0)
      const [error] = outcome.mock.calls[0] ?? []
      const { rows, ms, state } = boot.report
      if (error !== undefined) {
        expect(error).toMatchObject({ code: 'ERR_STARTUP_TIMEOUT' })
        expect(state).toBe('failed')
        expect(ms).toBeLessThanOrEqual(total)
        expect(life.state).toBe('closed')
      }
      const within = (inside: typeof rows, end: number): void => {
        for (const row of inside) {
          const own = Math.min(end, row.at + (row.timeout ?? 0))
          expect(row.at + row.ms).toBeLessThanOrEqual(own)
          within(row.inside, own)
        }
      }
      within(rows, total)
    }),
    { numRuns: 1_000 },
  )

  function budget() {
    return fc.integer({ min: 1, max: 1_000 })
  }
})
