import type { EventEmitter } from 'node:events'
import { checkBoolean, checkFunction, checkObject, checkOptions, wrongType } from './check.ts'
import { defineKind, type Kind } from './kind.ts'

/** Options of {@link listener}. */
export interface ListenerOptions {
  /** Whether it listens to the first event only. Default: false. */
  once?: boolean
}

/** What can be listened to. An `AbortSignal` is an `EventTarget`. */
export type Emitter = Pick<EventEmitter, 'on' | 'off'> | EventTarget

/** Any function, whatever it takes. */
type Callback = (this: unknown, ...args: never[]) => unknown
type Wrapper = (this: unknown, ...args: unknown[]) => unknown

/**
 * A function that listens to an event until it is removed, as {@link listener} returns it.
 *
 * It is `Disposable`, so `using` removes it too. Removing it again does nothing.
 */
export class Listener implements Disposable {
  /** What it listens to. */
  readonly emitter: Emitter
  /** The event's name. */
  readonly event: string | symbol
  #remove: (() => void) | undefined
  #watchers: Set<() => void> | undefined

  /** Starts to listen. Prefer {@link listener}, which checks what it is given. */
  constructor(emitter: Emitter, event: string | symbol, fn: Callback, { once = false }: ListenerOptions = {}) {
    const self = this
    this.emitter = emitter
    this.event = event
    this.#remove = add(emitter, event, fn, function (this: unknown, ...args: unknown[]) {
      if (once) self[Symbol.dispose]()
      // What it returns goes back to the emitter, which may handle its rejection.
      return fn.apply(this, args as never[])
    })
  }

  /** Whether `value` was made by this class. */
  static is(value: unknown): value is Listener {
    return typeof value === 'object' && value !== null && #remove in value
  }

  /** Whether it listens no more. */
  get removed(): boolean {
    return this.#remove === undefined
  }

  /** Calls `callback` when it is removed, by whomever. Returns the undo. */
  onRemoved(callback: () => void): () => void {
    this.#watchers ??= new Set()
    this.#watchers.add(callback)
    return () => void this.#watchers?.delete(callback)
  }

  /** Removes it from its emitter. */
  [Symbol.dispose](): void {
    const remove = this.#remove
    if (remove === undefined) return
    this.#remove = undefined
    remove()
    for (const watcher of this.#watchers ?? []) watcher()
    this.#watchers = undefined
  }
}

/**
 * Adds a listener, and returns its undo.
 *
 * `wrapper` belongs to one handle alone. Where the same function listens twice, an emitter would remove the other one's
 * first, and an EventTarget would not add the second at all.
 */
function add(emitter: Emitter, event: string | symbol, fn: Callback, wrapper: Wrapper): () => void {
  if (isTarget(emitter)) {
    const name = event as string
    emitter.addEventListener(name, wrapper)
    return () => emitter.removeEventListener(name, wrapper)
  }
  // Node's own mark of a wrapper: by it `emitter.off(event, fn)` and `emitter.listeners(event)` know the function.
  Object.assign(wrapper, { listener: fn })
  emitter.on(event, wrapper)
  return () => void emitter.off(event, wrapper)
}

function isTarget(value: unknown): value is EventTarget {
  if (value instanceof EventTarget) return true
  return !has(value, 'on', 'off') && has(value, 'addEventListener', 'removeEventListener')
}

function has(value: unknown, ...methods: readonly string[]): boolean {
  if (typeof value !== 'object' || value === null) return false
  return methods.every((method) => typeof (value as Record<string, unknown>)[method] === 'function')
}

/**
 * Listens to an event of an `EventEmitter` or `EventTarget` (an `AbortSignal` for one), and returns a handle that a
 * lifecycle can own: it removes the listener when the lifecycle closes.
 *
 * With `{ once: true }` the handle leaves its lifecycle when the event has come. A signal that has aborted already does
 * not tell again: look at `signal.aborted` first.
 *
 * @throws TypeError when an argument is of the wrong type or an option unknown.
 * @example
 * ```ts
 * life.use(listener(server, 'connection', (socket: Socket) => socket.setNoDelay()), { name: 'no delay' })
 * ```
 */
export function listener<Events extends Record<keyof Events, unknown[]>, Name extends keyof Events & (string | symbol)>(
  emitter: EventEmitter<Events>,
  event: Name,
  fn: (...args: Events[Name]) => unknown,
  options?: ListenerOptions,
): Listener
export function listener<Args extends unknown[]>(
  emitter: Pick<EventEmitter, 'on' | 'off'>,
  event: string | symbol,
  fn: (...args: Args) => unknown,
  options?: ListenerOptions,
): Listener
export function listener<E extends Event>(
  target: EventTarget,
  event: string,
  fn: (event: E) => unknown,
  options?: ListenerOptions,
): Listener
export function listener(
  emitter: Emitter,
  event: string | symbol,
  fn: Callback,
  options: ListenerOptions = {},
): Listener {
  const target = isTarget(emitter)
  if (!target && !has(emitter, 'on', 'off')) throw wrongType('emitter', 'an EventEmitter or an EventTarget', emitter)
  if (typeof event !== 'string' && (target || typeof event !== 'symbol')) {
    throw wrongType('event', target ? 'a string' : 'a string or a symbol', event)
  }
  checkFunction('fn', fn)
  checkObject('options', options)
  checkOptions('listener', options, ['once'])
  if (options.once !== undefined) checkBoolean('options.once', options.once)
  return new Listener(emitter, event, fn, options)
}

/**
 * The kind `listener`: what {@link listener} returns. It closes by being removed.
 *
 * A listener leaves its lifecycle when it is removed through its handle, or has fired with `{ once: true }`; not when
 * somebody takes it off the emitter behind the handle's back, which no emitter tells.
 */
export const listenerKind: Kind<Listener> = defineKind<Listener>({
  name: 'listener',
  matches: Listener.is,
  close: (handle) => handle[Symbol.dispose](),
  isGone: (handle) => handle.removed,
  onGone: (handle, leave) => handle.onRemoved(leave),
  describe: (handle) => `on '${String(handle.event)}'`,
})
