import { describe, expect, test } from 'vitest'
import { budgetFor, gracePeriod } from '../../src/run/budget.ts'

const kubernetes = { KUBERNETES_SERVICE_HOST: '10.0.0.1' }
const manifest = (seconds: string) => ({ ...kubernetes, TERMINATION_GRACE_PERIOD: seconds })

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
