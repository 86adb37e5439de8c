import { describe, expect, test } from 'vitest'
import { Lifecycle } from '../../src/index.ts'
import { scopeOf } from '../../src/lifecycle/lifecycle.ts'
import { readinessOf } from '../../src/lifecycle/readiness.ts'
import { asksChecks, type Phase, type Probe, standingOf, verdictOf } from '../../src/observe/probe.ts'
import { stages } from './stages.ts'

const probes = ['live', 'ready', 'startup'] as const
const phases: readonly Phase[] = ['starting', 'ready', 'draining', 'closing', 'closed']

test.each(stages)('a lifecycle that is $name is healthy or not, by probe: $healthy', async ({ set, ...expected }) => {
  const life = new Lifecycle()
  await set(life)
  const standing = standingOf(scopeOf(life))
  const verdicts = probes.map((probe) => verdictOf(probe, standing, false))
  expect(verdicts.map(({ healthy }) => healthy)).toEqual(expected.healthy)
  expect(new Set(verdicts.map(({ status }) => status))).toEqual(new Set([expected.status]))
  await life.close({ force: true })
})

test('it is ready only when the start is over and nothing of it is pending; a later start changes nothing', () => {
  const scope = scopeOf(new Lifecycle())
  const readiness = readinessOf(scope)
  const phase = () => standingOf(scope).phase
  expect(phase()).toBe('ready')
  expect(readiness.begin()).toBe(true)
  readiness.pending.add('/app/db').add('/app/cache')
  expect(phase()).toBe('starting')
  readiness.start()
  expect(phase()).toBe('starting')
  readiness.pending.delete('/app/db')
  expect(phase()).toBe('starting')
  readiness.pending.delete('/app/cache')
  expect(phase()).toBe('ready')
  expect(readiness.begin()).toBe(false)
  expect(phase()).toBe('ready')
})

test('what is inside a lifecycle stands where the whole stands, and closed once it is closed itself', async () => {
  const life = new Lifecycle()
  const inner = life.scope('inner').scope('innermost')
  const phase = () => standingOf(scopeOf(inner)).phase
  readinessOf(scopeOf(life)).begin()
  expect(phase()).toBe('starting')
  readinessOf(scopeOf(life)).start()
  readinessOf(scopeOf(life)).drain()
  expect(phase()).toBe('draining')
  let seen: Phase | undefined
  life.defer(() => {
    seen = phase()
  })
  const other = life.scope('other')
  await other.close()
  expect(standingOf(scopeOf(other)).phase).toBe('closed')
  expect(phase()).toBe('draining')
  await life.close()
  expect([seen, phase()]).toEqual(['closing', 'closed'])
})

describe('checks', () => {
  test.each<[Probe, Phase[]]>([
    ['live', ['starting', 'ready', 'draining']],
    ['ready', ['ready']],
    ['startup', []],
  ])('of %s are asked where they decide: %j', (probe, asked) => {
    for (const started of [false, true])
      expect(phases.filter((phase) => asksChecks(probe, { phase, started }))).toEqual(asked)
  })

  test('that fail count where they are asked, and nowhere else', () => {
    for (const started of [false, true]) {
      for (const phase of phases) {
        for (const probe of probes) {
          const standing = { phase, started }
          const failing = verdictOf(probe, standing, true)
          if (asksChecks(probe, standing)) expect(failing).toEqual({ healthy: false, status: 'failing' })
          else expect(failing).toEqual(verdictOf(probe, standing, false))
        }
      }
    }
  })
})
