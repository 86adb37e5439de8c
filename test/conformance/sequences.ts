import type { Random } from './random.ts'

/** What a disposer returns or throws. `late` resolves and `lateNo` rejects after as many microtasks as its number. */
export type Ending =
  | { readonly as: 'value'; readonly value: unknown }
  | { readonly as: 'throw' | 'reject'; readonly error: unknown }
  | { readonly as: 'resolve' | 'thenable' | 'thenableNo' | 'thenableThrows' | 'thenGetterThrows' }
  | { readonly as: 'late' | 'lateNo'; readonly turns: number }

/** What is called on the stack. `again` calls `disposeAsync` of the stack that everything was moved away from. */
export type Call =
  | { readonly does: 'use'; readonly shape: Shape; readonly disposer: Disposer }
  | { readonly does: 'adopt'; readonly value: unknown; readonly disposer: Disposer | Bad }
  | { readonly does: 'defer'; readonly disposer: Disposer | Bad }
  | { readonly does: 'useBad'; readonly value: unknown }
  | { readonly does: 'wrongThis'; readonly method: 'use' | 'adopt' | 'defer' | 'move' | 'disposeAsync' | 'disposed' }
  | { readonly does: 'move' | 'disposed' | 'disposeAsync' | 'again' }

/** Something that is no function. */
export interface Bad {
  readonly bad: unknown
}

/** What a disposer does on the stack before it ends, at once or after a turn. */
export interface Disposer {
  readonly first: readonly Call[]
  readonly ending: Ending
}

/** Where the disposers of a resource are, and of what sort. */
export const shapes = [
  'async',
  'sync',
  'both',
  'async null, then sync',
  'async undefined, then sync',
  'async not callable',
  'sync not callable',
  'none',
  'inherited',
  'function',
  'getter',
  'getter throws',
  'same again',
] as const
export type Shape = (typeof shapes)[number]

/** One sequence: calls in a row, then calls after some microtasks, when the disposal is under way or over. */
export interface Sequence {
  readonly calls: readonly Call[]
  readonly later: readonly { readonly turns: number; readonly call: Call }[]
}

const primitives = [0, 1, Number.NaN, '', 'text', true, false, 1n, Symbol.for('a symbol')]
const notCallable = [undefined, null, {}, ...primitives]
const errors = [new Error('one'), new TypeError('two'), undefined, null, 'text', 0]
const results = [undefined, null, 0, 'text', false, {}, [], () => {}]

/** A random sequence that disposes of its stack, mostly once. */
export function sequenceOf(random: Random): Sequence {
  const calls = Array.from({ length: random.below(9) }, () => callOf(random, 0))
  calls.push({ does: 'disposeAsync' })
  if (random.once(4)) calls.push(callOf(random, 0))
  const later = Array.from({ length: random.below(3) }, () => ({ turns: random.below(6), call: callOf(random, 1) }))
  return { calls, later }
}

function callOf(random: Random, depth: number): Call {
  const at = random.below(40)
  if (at < 12) return { does: 'use', shape: random.pick(shapes), disposer: disposerOf(random, depth) }
  if (at < 18) return { does: 'adopt', value: random.pick([...results, ...primitives]), disposer: fnOf(random, depth) }
  if (at < 26) return { does: 'defer', disposer: fnOf(random, depth) }
  if (at < 30) return { does: 'useBad', value: random.pick([null, undefined, null, undefined, ...primitives]) }
  if (at < 32)
    return { does: 'wrongThis', method: random.pick(['use', 'adopt', 'defer', 'move', 'disposeAsync', 'disposed']) }
  if (at < 34) return { does: 'move' }
  if (at < 36) return { does: 'disposed' }
  return depth > 0 || random.once(3) ? { does: random.pick(['disposeAsync', 'again']) } : { does: 'disposed' }
}

function fnOf(random: Random, depth: number): Disposer | Bad {
  return random.once(8) ? { bad: random.pick(notCallable) } : disposerOf(random, depth)
}

function disposerOf(random: Random, depth: number): Disposer {
  const calls = depth < 2 && random.once(4) ? 1 + random.below(2) : 0
  return { first: Array.from({ length: calls }, () => callOf(random, depth + 1)), ending: endingOf(random) }
}

function endingOf(random: Random): Ending {
  const as = random.pick([
    'value',
    'value',
    'value',
    'throw',
    'reject',
    'resolve',
    'late',
    'late',
    'lateNo',
    'thenable',
    'thenableNo',
    'thenableThrows',
    'thenGetterThrows',
  ])
  if (as === 'value') return { as, value: random.pick(results) }
  if (as === 'throw' || as === 'reject') return { as, error: random.pick(errors) }
  if (as === 'late' || as === 'lateNo') return { as, turns: 1 + random.below(5) }
  return { as }
}
