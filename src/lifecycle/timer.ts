import { defineKind, type Kind } from './kind.ts'
import { disposerOwner } from './node-disposer.ts'

/** What `setTimeout`, `setInterval` and `setImmediate` of Node return. */
export type Timer = NodeJS.Timeout | NodeJS.Immediate

/**
 * The kind `timer`: what `setTimeout`, `setInterval` and `setImmediate` return. It closes by being cleared.
 *
 * Node tells nobody when a timer has fired, so a lifecycle asks its timers now and then, and drops those that have. For
 * a timer of your own, `life.after()` and `life.every()` do better: they leave at once, wait for what they run, and
 * report what it throws.
 *
 * @example
 * ```ts
 * life.use(setInterval(() => cache.sweep(), 60_000), { name: 'sweep' })
 * ```
 */
export const timer: Kind<Timer> = defineKind<Timer>({
  name: 'timer',
  matches,
  // Node's own disposer is `clearTimeout` or `clearImmediate`, whichever fits.
  close: (value) => value[Symbol.dispose](),
  isGone: hasEnded,
})

/** Node exports neither of its two classes of timer, but both have their name. */
const classes: readonly unknown[] = ['Timeout', 'Immediate']

function matches(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || !('_destroyed' in value) || !('hasRef' in value)) return false
  const owner = disposerOwner(value)
  return owner !== undefined && owner === Object.getPrototypeOf(value) && classes.includes(owner.constructor.name)
}

/** Node has no public word for it; this flag is the same in all versions from 22 to 26, and `refresh()` takes it back. */
function hasEnded(value: Timer): boolean {
  return (value as { _destroyed?: boolean })._destroyed === true
}
