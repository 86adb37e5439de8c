/**
 * Random trees of lifecycles, whose resources misbehave in every way that there is, and rules that hold all the same:
 *
 * - a disposer is called once at most, and once at least where nobody forgot its resource;
 * - one by one, newest first, and none before what depends on it has ended, until everything is forced;
 * - nothing is left over: no resource, no timer, no lifecycle that is not closed;
 * - `close()` settles by its deadline plus the second that forcing takes, and so does everything else that was asked;
 * - every error is told of, and none is told to nobody.
 */
import type { Report } from 'endswell'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Plan, plan } from './model-plans.ts'
import type { Item } from './model-tree.ts'
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
  const { tree, wishes, reports, thrown, clock, rules } = world
  const say = <T>(all: Iterable<T>, isBroken: (each: T) => boolean, text: (each: T) => string): string[] =>
    [...all].filter(isBroken).map(text)
  return [
    ...rules.broken,
    ...say(
      tree.scopes,
      ({ life }) => life.state !== 'closed',
      ({ life }) => `${life.path} is ${life.state}`,
    ),
    ...say(
      tree.scopes,
      ({ life }) => life.snapshot().size > 0,
      ({ life }) => `${life.path} holds something`,
    ),
    ...say(
      tree.items,
      ({ end }) => end === undefined,
      ({ name }) => `nobody was told what became of ${name}`,
    ),
    ...say(tree.items, isMissed, ({ name }) => `${name} ended without being called`),
    ...say(
      tree.items,
      ({ closes, forces }) => closes > 1 || forces > 1,
      ({ name }) => `${name} was ended twice`,
    ),
    ...say(
      wishes,
      ({ settledAt }) => settledAt === undefined,
      ({ what }) => `${what} never settled`,
    ),
    ...say(reports, isUneven, ({ path }) => `the report of ${path} counts what it has no row of`),
    ...say(
      thrown,
      (error) => !rules.told.has(error),
      ({ message }) => `nobody was told that ${message}`,
    ),
    ...say(
      unhandled.splice(0),
      () => true,
      (error) => `unhandled: ${String(error)}`,
    ),
    ...say(
      [clock.pending],
      (count) => count > 0,
      (count) => `${count} timers are left`,
    ),
  ]
}

function isMissed({ end, closes, forces, inside, isEarly }: Item): boolean {
  return end === 'ended' && inside === undefined && !isEarly && closes + forces === 0
}

function isUneven({ complete, counts, rows }: Report): boolean {
  const worse = rows.filter(({ outcome }) => outcome !== 'closed').length
  return complete && worse !== counts.forced + counts.failed + counts.abandoned
}

test(`whatever misbehaves, the rules hold in ${runs} random stories`, async () => {
  await fc.assert(
    fc.asyncProperty(plan, async (story) => {
      expect(await broken(story)).toEqual([])
    }),
    { numRuns: runs },
  )
}, 120_000)
