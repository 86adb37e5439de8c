import { wrongType } from '../../lifecycle/check.ts'
import { EndswellError } from '../../lifecycle/errors.ts'
import { bounded } from './bounded.ts'
import type { Notices } from './notices.ts'
import type { PoolCallContext, Settings } from './options.ts'
import type { Slot } from './slot.ts'

/** The user's functions that are called with a connection: each within its time, and whatever they throw is caught. */
export class Hooks<T> {
  readonly #settings: Settings<T>
  readonly #pool: { readonly path: string }
  readonly #notices: Notices
  readonly #over = new AbortController()

  constructor(settings: Settings<T>, pool: { readonly path: string }, notices: Notices) {
    this.#settings = settings
    this.#pool = pool
    this.#notices = notices
  }

  /** Resolves to whether it is good; rejects with what the check threw, or with a `TimeoutError`. */
  async validate({ value }: Slot<T>): Promise<boolean> {
    const { validate, validateTimeout, clock } = this.#settings
    if (validate === undefined) return true
    const path = `${this.#pool.path}/validate`
    const { signal } = this.#over
    return (await bounded(path, clock, validateTimeout, (context) => validate(value, context), { signal })) !== false
  }

  /** Resolves when it has ended; rejects with what that threw, or with a `TimeoutError`. */
  async destroy({ value }: Slot<T>): Promise<void> {
    const { destroy = dispose, destroyTimeout, clock } = this.#settings
    const path = `${this.#pool.path}/destroy`
    const { signal } = this.#over
    // What comes when all is over is ended all the same.
    const options = signal.aborted ? {} : { signal }
    await bounded(path, clock, destroyTimeout, (context) => destroy(value, context), options)
  }

  /** Waits no longer for calls that are under way: the pool has ended. */
  abandon(): void {
    const { path } = this.#pool
    this.#over.abort(new EndswellError('ERR_ABANDONED', `${path} was closed before this had settled.`, { path }))
  }

  /** Has `leave` called when the connection ends by itself. */
  watch(slot: Slot<T>, leave: () => void): void {
    try {
      slot.unwatch = this.#settings.onGone?.(slot.value, leave)
    } catch (error) {
      this.#notices.threw(error)
    }
    // It may have told at once.
    if (slot.state === 'ending') this.unwatch(slot)
  }

  /** Nobody is to be told of its end any more. */
  unwatch(slot: Slot<T>): void {
    const { unwatch } = slot
    slot.unwatch = undefined
    try {
      unwatch?.()
    } catch (error) {
      this.#notices.threw(error)
    }
  }
}

/** Refuses what `create` brought if that is nothing, or there is no way to end it. */
export function checkConnection(value: unknown, destroy: unknown): void {
  if (value === undefined || value === null) {
    throw wrongType('What options.create brings', 'a connection', value, 'Return it.')
  }
  if (destroy !== undefined) return
  const { [Symbol.asyncDispose]: asyncDispose, [Symbol.dispose]: syncDispose } = value as Partial<
    Disposable & AsyncDisposable
  >
  if (typeof asyncDispose === 'function' || typeof syncDispose === 'function') return
  throw wrongType('options.destroy', 'a function', destroy, 'What options.create brings has no disposer of its own.')
}

/** What has a disposer of its own is ended by it. */
function dispose(value: unknown, _context: PoolCallContext): unknown {
  const disposable = value as Partial<Disposable & AsyncDisposable> | null | undefined
  const asyncDispose = disposable?.[Symbol.asyncDispose]
  if (typeof asyncDispose === 'function') return asyncDispose.call(value)
  return disposable?.[Symbol.dispose]?.call(value)
}
