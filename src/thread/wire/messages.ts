import type { MessagePort } from 'node:worker_threads'
import type { Packed } from './packed.ts'

/**
 * What goes over the port between a bridge and one of its threads.
 *
 * Calls and answers go as flat lists, all those of one turn in one message: a message costs about as much as a hundred
 * of the calls in it. All else is rare, and an object with a `type`.
 */

/**
 * Calls, four places and its arguments each: its number in this thread, ascending (see `nextSeq`); its slot in the shared
 * memory; the method; how many arguments follow. They stand in the list itself: a list of their own would double what the
 * call costs. A stream has a negative slot, -1 - slot, and its credits as the first argument.
 */
export type Calls = readonly unknown[]

/** Answers, three places each: the number of the call (0: of none), what it is, and the value. */
export type Answers = readonly unknown[]

/** The call has ended with a value. */
export const RESULT = 0
/** The call has ended with what was thrown: see `packed.ts`. */
export const THROWN = 1
/** The call has sent an event, or, with the number 0, the thread has: `[name, value]`. */
export const EVENT = 2
/** The next value of a stream. */
export const ITEM = 3
/** The call was not made, or its result cannot be sent: `[code, message]`. */
export const REFUSED = 4

/** What the bridge sends first, through the worker's own port. */
export interface Hello {
  readonly type: 'endswell:bridge'
  /** The port for everything else, transferred. */
  readonly port: MessagePort
  /** See `shared.ts`. */
  readonly words: Int32Array<SharedArrayBuffer>
  /** Path of the thread, for reports. */
  readonly name: string
}

/** All else that the bridge says. */
export type ToThread =
  /** The call is to end: also readable in the shared memory, for those who never come back to their event loop. */
  | { readonly type: 'cancel'; readonly seq: number; readonly reason: Packed }
  /** So many more values of a stream may come. */
  | { readonly type: 'credit'; readonly seq: number; readonly count: number }
  /** Events that were held back may come again. */
  | { readonly type: 'resume' }

/** All else that the thread says. */
export type ToBridge =
  /** It serves these methods. */
  { readonly type: 'ready'; readonly methods: readonly string[] }
