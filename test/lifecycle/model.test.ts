/**
 * Random trees of lifecycles, whose resources misbehave in every way that there is, and rules that hold all the same:
 *
 * - a disposer is called once at most, and once at least where nobody forgot its resource;
 * - one by one, newest first, and none before what depends on it has ended, until everything is forced;
 * - nothing is left over: no resource, no timer, no lifecycle that is not closed;
 * - `close()` settles by its deadline plus the second that forcing takes, and so does everything else that was asked;
 * - every error is told of, and none is told to nobody.
 */
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Plan, plan } from './model-plans.ts'
import { World } from './model-world.ts'

const runs = Number(process.env['ENDSWELL_MODEL_RUNS'] ?? 3_000)

const unhandled: unknown[] = []
const listeners = process.listeners('unhandledRejection')
beforeAll(() => {
  process.removeAllListeners('unhandledRejection')
  process.on('unhandledRejection', (error) => unhandled.push(error))
})
afterAll(() => {
  process.removeAllListeners('unhandledRejection')
  for (const listener of listeners) process.on('unhandledRejection', listener)
})

/** Every rule that the story breaks. */
async function broken(story: Plan): Promise<string[]> {
  const world = new World(story)
  await world.live()
  const { scopes, items, wishes, reports, thrown, told, clock } = world
  const left = [
    ...scopes.flatMap(({ life }) => (life.state === 'closed' ? [] : [`${life.path} is ${life.state}`])),
    ...scopes.flatMap(({ life }) =>
      life.snapshot().size === 0 ? [] : [`${life.path} still holds ${life.snapshot().size}`],
    ),
    ...items.flatMap(({ name, end }) => (end === undefined ? [`nobody was told what became of ${name}`] : [])),
    ...wishes.flatMap(({ of, what, settledAt }) =>
      settledAt === undefined ? [`${what} of ${of.life.path} never settled`] : [],
    ),
  ]
  const missed = items.filter(
    ({ end, closes, forces, inside, isEarly }) =>
      end === 'ended' && inside === undefined && !isEarly && closes + forces === 0,
  )
  const untold = [...thrown].filter(
    (error) => !told.has(error) && ![...told].some((other) => (other as Error | undefined)?.cause === error),
  )
  const unequal = reports.filter(({ complete, counts, rows }) => {
    const worse = rows.filter(({ outcome }) => outcome !== 'closed').length
    return complete && worse !== counts.forced + counts.failed + counts.abandoned
  })
  return [
    ...world.broken,
    ...left,
    ...missed.map(({ name }) => `${name} ended without being called`),
    ...untold.map(({ message }) => `nobody was told that ${message}`),
    ...unequal.map(() => 'a report counts what it has no row of'),
    ...(clock.pending === 0 ? [] : [`${clock.pending} timers are left`]),
    ...unhandled.splice(0).map((error) => `unhandled: ${String(error)}`),
  ]
}

test(`whatever misbehaves, the rules hold in ${runs} random stories`, async () => {
  await fc.assert(
    fc.asyncProperty(plan, async (story) => {
      expect(await broken(story)).toEqual([])
    }),
    { numRuns: runs },
  )
}, 120_000)
