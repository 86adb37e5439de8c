import { describe, expect, test } from 'vitest'
import { budgetFor, budgetWarning, gracePeriod } from '../../src/run/budget.ts'

const kubernetes = { KUBERNETES_SERVICE_HOST: '10.0.0.1' }
const manifest = (seconds: string) => ({ ...kubernetes, TERMINATION_GRACE_PERIOD: seconds })

test.each(['TERMINATION_GRACE_PERIOD', 'PRE_STOP_DELAY'])(
  'a %s that is no number is ignored, and said to be',
  (name) => {
    const budget = budgetFor({}, { [name]: '6s' })
    expect(budget).toEqual({ drainDelay: 0, timeout: 25_000, reserve: 2_000 })
    expect(budgetWarning(budget, { [name]: '6s' })).toBe(`${name} is '6s', which is no number of seconds, and ignored.`)
  },
)

describe('the grace period', () => {
  test.each([
    ['unknown where nothing tells', {}, undefined],
    ['30 s in Kubernetes', kubernetes, 30_000],
    ['what the manifest says, in seconds', manifest('60'), 60_000],
    ['what the environment says, outside Kubernetes too', { TERMINATION_GRACE_PERIOD: '12.5' }, 12_500],
    ['30 s where the manifest says nonsense', manifest('soon'), 30_000],
    ['30 s where the manifest says nothing', manifest(''), 30_000],
    ['30 s where the manifest says 0', manifest('0'), 30_000],
    ['30 s where the manifest says less than that', manifest('-5'), 30_000],
    ['what preStop leaves of it', { ...manifest('60'), PRE_STOP_DELAY: '7.5' }, 52_500],
    ['what preStop leaves of 30 s', { ...kubernetes, PRE_STOP_DELAY: '10' }, 20_000],
    ['nothing where preStop takes all of it', { ...manifest('5'), PRE_STOP_DELAY: '10' }, 0],
    ['all of it where preStop is nonsense', { ...manifest('5'), PRE_STOP_DELAY: 'soon' }, 5_000],
    ['all of it where preStop is less than nothing', { ...manifest('5'), PRE_STOP_DELAY: '-1' }, 5_000],
    ['unknown where only preStop is told', { PRE_STOP_DELAY: '5' }, undefined],
  ] as const)('is %s', (_, env, ms) => {
    expect(gracePeriod(env)).toBe(ms)
  })
})

describe('the budget of a shutdown', () => {
  test.each([
    ['25 s to close and no drain on a bare machine', {}, {}, [0, 25_000, 2_000]],
    ['5 s to drain and 23 s to close in Kubernetes', {}, kubernetes, [5_000, 23_000, 2_000]],
    ['never more than 25 s to close', {}, manifest('120'), [5_000, 25_000, 2_000]],
    ['what a short grace period has room for', {}, manifest('15'), [5_000, 8_000, 2_000]],
    ['nothing to close in where there is no room', {}, manifest('6'), [5_000, 0, 2_000]],
    ['what fits beside another drain delay', { drainDelay: 10_000 }, kubernetes, [10_000, 18_000, 2_000]],
    ['what fits without a drain delay', { drainDelay: 0 }, kubernetes, [0, 25_000, 2_000]],
    ['what fits beside another reserve', { reserve: 5_000 }, kubernetes, [5_000, 20_000, 5_000]],
    [
      'what is given, whether it fits or not',
      { drainDelay: 20_000, timeout: 60_000 },
      kubernetes,
      [20_000, 60_000, 2_000],
    ],
    ['capped outside Kubernetes too', {}, { TERMINATION_GRACE_PERIOD: '10' }, [0, 8_000, 2_000]],
  ] as const)('is %s', (_, given, env, [drainDelay, timeout, reserve]) => {
    expect(budgetFor(given, env)).toEqual({ drainDelay, timeout, reserve })
  })
})

describe('the warning about a shutdown', () => {
  const budget = (drainDelay: number, timeout: number, reserve = 2_000) => ({ drainDelay, timeout, reserve })

  test.each([
    ['that fits exactly', budget(5_000, 23_000), kubernetes],
    ['that fits with room', budget(5_000, 10_000), manifest('60')],
    ['where nothing tells when the platform kills', budget(60_000, 60_000), {}],
    ['that is to force at once, with room to close', budget(0, 0), kubernetes],
    ['that fits beside preStop', budget(0, 18_000), { ...kubernetes, PRE_STOP_DELAY: '10' }],
  ] as const)('is not given for one %s', (_, given, env) => {
    expect(budgetWarning(given, env)).toBeUndefined()
  })

  test('is never given for what run works out by itself, where there is room to close', () => {
    for (let seconds = 8; seconds <= 120; seconds += 1) {
      for (const env of [manifest(String(seconds)), { TERMINATION_GRACE_PERIOD: String(seconds) }]) {
        expect(budgetWarning(budgetFor({}, env), env), JSON.stringify(env)).toBeUndefined()
      }
    }
  })

  test('that takes too long says by how much, and how to mend it', () => {
    expect(budgetWarning(budget(5_000, 26_000), kubernetes)).toBe(
      'The shutdown may take 33000 ms (drainDelay 5000 + timeout 26000 + reserve 2000), ' +
        'but the platform kills after 30000 ms. To mend it, set terminationGracePeriodSeconds and ' +
        'TERMINATION_GRACE_PERIOD to 33, or give a timeout of at most 23000.',
    )
  })

  test('that has no time to close says so', () => {
    const env = manifest('7')
    expect(budgetWarning(budgetFor({}, env), env)).toBe(
      'The shutdown has no time to close anything: drainDelay 5000 + timeout 0 + reserve 2000 fill the 7000 ms ' +
        'until the platform kills. To mend it, set terminationGracePeriodSeconds and TERMINATION_GRACE_PERIOD to 32, ' +
        'or give a shorter drainDelay.',
    )
  })

  test('that takes too long though it has no time to close says that it takes too long', () => {
    const env = manifest('6')
    expect(budgetWarning(budgetFor({}, env), env)).toBe(
      'The shutdown may take 7000 ms (drainDelay 5000 + timeout 0 + reserve 2000), but the platform kills after ' +
        '6000 ms. To mend it, set terminationGracePeriodSeconds and TERMINATION_GRACE_PERIOD to 32, ' +
        'or give a shorter drainDelay.',
    )
  })

  test('that a preStop leaves too little time counts it in', () => {
    expect(budgetWarning(budget(5_000, 23_000), { ...kubernetes, PRE_STOP_DELAY: '10' })).toBe(
      'The shutdown may take 30000 ms (drainDelay 5000 + timeout 23000 + reserve 2000), but the platform kills after ' +
        '20000 ms (10000 ms of its grace period go to preStop). To mend it, set terminationGracePeriodSeconds and ' +
        'TERMINATION_GRACE_PERIOD to 40, or give a timeout of at most 13000.',
    )
  })

  test.each([
    ['a short period', budget(5_000, 23_000), manifest('10')],
    ['no room at all', budget(5_000, 0), manifest('5')],
    ['preStop', budget(5_000, 23_000), { ...manifest('30'), PRE_STOP_DELAY: '4' }],
  ] as const)('names a period that mends it (%s)', (_, given, env) => {
    const [, seconds = ''] = /TERMINATION_GRACE_PERIOD to (\d+)/.exec(budgetWarning(given, env) ?? '') ?? []
    const mended = { ...env, TERMINATION_GRACE_PERIOD: seconds }
    expect(budgetWarning(given.timeout > 0 ? given : budgetFor({}, mended), mended)).toBeUndefined()
  })
})
