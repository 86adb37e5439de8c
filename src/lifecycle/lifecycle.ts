import { acquire } from './acquire.ts'
import { checkFunction, wrongType } from './check.ts'
import type * as Contract from './contract.ts'
import { close, dispose } from './ending.ts'
import type { LifecycleEvent } from './event.ts'
import { subscribe } from './events.ts'
import type { Kind } from './kind.ts'
import { PLAIN } from './place.ts'
import { adopt, defer, entriesOf, forget, use } from './register.ts'
import { releaseAll } from './release.ts'
import { startAfter, startEvery } from './repeat.ts'
import { Scope } from './scope.ts'
import { openScope } from './scope-kind.ts'
import { checkSettings, rootSettings } from './settings.ts'
import { snapshotOf } from './snapshot.ts'
import { startTask } from './task.ts'

/** What a class of lifecycles brings along: the kinds that it knows, and how it makes one of its own from a scope. */
export interface Home {
  readonly kinds: readonly Kind[]
  wrap(scope: Scope): Lifecycle
}

const bare: Home = { kinds: [], wrap: (scope) => new Lifecycle(scope as never) }

/** The inside of a lifecycle, for the folders that build on it. */
export let scopeOf: (life: Lifecycle) => Scope

/**
 * Owns resources and ends them: in order, on time, and it names what did not end.
 *
 * It is an `AsyncDisposableStack`, with the same members, order, errors and turns, and adds names, deadlines, escalation,
 * a report and O(1) release. What was registered last closes first, unless edges say otherwise.
 *
 * @example
 * ```ts
 * await using life = new Lifecycle('orders')
 * const server = life.use(createServer(handler), { name: 'http', grace: 10_000 })
 * const redis = life.use(createClient(), { name: 'cache', close: 'quit', force: 'disconnect' })
 * ```
 */
export class Lifecycle implements AsyncDisposable {
  #scope: Scope
  readonly #home: Home

  static {
    scopeOf = (life) => life.#scope
  }

  /**
   * @param options its name, or {@link Contract.LifecycleOptions}.
   * @throws TypeError or RangeError for an unknown or bad option.
   */
  constructor(options: string | Contract.LifecycleOptions = {}, home: Home = bare) {
    this.#home = home
    if ((options as unknown) instanceof Scope) {
      this.#scope = options as unknown as Scope
      return
    }
    const checked = typeof options === 'string' ? { name: options } : options
    checkSettings(checked)
    this.#scope = new Scope(checked.name ?? 'lifecycle', rootSettings(checked, home.kinds), undefined)
  }

  /** Whether it takes no more resources: true from the moment on that closing begins. */
  get disposed(): boolean {
    return this.#scope.state !== 'open'
  }

  /** `open`, `closing`, or `closed` once everything has ended. */
  get state(): Contract.State {
    return this.#scope.state
  }

  /** Its name and those above it, such as `/orders/workers`. */
  get path(): string {
    return this.#scope.path
  }

  /** Aborts when closing begins, before the first resource is ended. */
  get signal(): AbortSignal {
    return this.#scope.signal
  }

  /**
   * Registers a resource that ends by its kind, by `{ close, force }`, or by its own disposer, and returns it.
   *
   * @throws ReferenceError (`ERR_CLOSED`) once closing has begun; TypeError where nothing tells how it ends and for an
   * unknown option; RangeError for an unknown or ambiguous sibling or a cycle (`ERR_CYCLE`).
   */
  use<T>(value: T, options: Contract.UseOptions<NoInfer<T>> = PLAIN): T {
    return use(this.#scope, value, options)
  }

  /** Registers any value with the function that ends it, which is awaited, and returns the value. Throws as `use`. */
  adopt<T>(value: T, onDispose: (value: T) => unknown, options: Contract.ResourceOptions = PLAIN): T {
    return adopt(this.#scope, value, onDispose, options)
  }

  /** Registers a function to be called, and awaited, at closing. Throws as `use`. */
  defer(onDispose: () => unknown, options: Contract.ResourceOptions = PLAIN): void {
    defer(this.#scope, onDispose, options)
  }

  /**
   * Hands everything over to a new, detached lifecycle, with names, edges, tasks and scopes, and closes this one
   * without ending anything. The signal that was handed out goes along, and is not aborted.
   */
  move(): Lifecycle {
    const scope = this.#scope
    scope.checkOpen()
    scope.detach()
    this.#scope = new Scope(scope.name, scope.settings, undefined)
    this.#scope.shut()
    this.#scope.finish()
    return this.#home.wrap(scope)
  }

  /**
   * Ends everything, as the standard has it: a second call resolves at once, and it rejects with what the disposers
   * threw (one error itself, several as a chain of `SuppressedError`) and with `ERR_ABANDONED` for what did not end.
   */
  disposeAsync(): Promise<void> {
    const isOne = typeof this === 'object' && this !== null && #scope in this
    return isOne ? dispose(this.#scope) : Promise.reject(wrongType('this', 'a Lifecycle', this))
  }

  declare [Symbol.asyncDispose]: () => Promise<void>

  /**
   * Ends everything and says how. Never rejects, and settles by its deadline plus the second that forcing takes. It
   * joins a closing under way, whose timeout it can shorten. Called by a disposer of its own, in the same turn, it
   * gives an interim report at once. Throws a TypeError or RangeError for a bad option.
   */
  close(options: Contract.CloseOptions = PLAIN): Promise<Contract.Report> {
    return close(this.#scope, options)
  }

  /**
   * Opens a lifecycle inside this one: a resource of it, which closes at its place, within its own timeout and what
   * is left of this one's. It leaves when it closes early, and is born closed in a closed one.
   */
  scope(name: string, options: Contract.ScopeOptions = PLAIN): Lifecycle {
    return this.#home.wrap(openScope(this.#scope, name, options))
  }

  /**
   * Starts work that this lifecycle waits for, and mirrors it in a promise. At its turn in the closing the signal
   * aborts, and the work has its grace to settle. Abandoned, the promise rejects with `ERR_ABANDONED`. Throws as `use`.
   */
  task<T>(name: string, fn: (signal: AbortSignal) => T, options: Contract.TaskOptions = PLAIN): Promise<Awaited<T>> {
    checkFunction('fn', fn)
    return startTask(this.#scope, name, ({ signal }) => fn(signal), options)
  }

  /**
   * Calls `fn` every `interval` ms (at least 1), never twice at once: a beat that comes while it runs is skipped. What
   * it throws is published as `resource.error` and does not stop it. Returns the undo, which waits for a run under way.
   */
  every(
    name: string,
    interval: number,
    fn: (signal: AbortSignal) => unknown,
    options: Contract.EveryOptions = PLAIN,
  ): Undo {
    return startEvery(this.#scope, name, interval, fn, options)
  }

  /**
   * Calls `fn` once, `delay` ms from now, and leaves as it fires: work that is to be waited for is a `task`. Errors are
   * those of `every`. Returns the undo.
   */
  after(
    name: string,
    delay: number,
    fn: (signal: AbortSignal) => unknown,
    options: Contract.PlaceOptions = PLAIN,
  ): Undo {
    return startAfter(this.#scope, name, delay, fn, options)
  }

  /**
   * Opens something and registers it in the same turn, so that it cannot be lost between. If closing begins meanwhile,
   * what arrives late is released at once, and the promise rejects with a ReferenceError (`ERR_CLOSED`).
   */
  acquire<T>(
    name: string,
    fn: (signal: AbortSignal) => T,
    release: (value: Awaited<T>) => unknown,
  ): Promise<Awaited<T>> {
    checkFunction('fn', fn)
    checkFunction('release', release)
    return acquire(
      this.#scope,
      name,
      ({ signal }) => fn(signal),
      (scope, value) => void adopt(scope, value, release, { name }),
    )
  }

  /**
   * Ends one resource now, whatever depends on it, and gives its outcome: all entries of a value, newest first, and
   * the worst of their outcomes. A value that is not held any more is `closed`. In O(1).
   *
   * @throws RangeError for a name that nothing (`ERR_UNKNOWN_RESOURCE`) or more than one (`ERR_AMBIGUOUS_NAME`) has.
   */
  release(resource: Contract.Reference): Promise<Contract.Outcome> {
    return releaseAll(this.#scope, entriesOf(this.#scope, resource))
  }

  /** Stops tracking a resource without ending it. Says whether it was held. In O(1). Throws as `release`. */
  forget(resource: Contract.Reference): boolean {
    return forget(this.#scope, resource)
  }

  /** What it holds at this moment, as frozen plain data. */
  snapshot(): Contract.Snapshot {
    return snapshotOf(this.#scope)
  }

  /** Calls `listener` with what happens here and in the scopes inside. Returns its undo. */
  subscribe(listener: (event: LifecycleEvent) => void): () => void {
    checkFunction('listener', listener)
    return subscribe(this.#scope, listener)
  }
}

/** Ends what was started; resolves when it has ended, with its outcome. */
export type Undo = () => Promise<Contract.Outcome>

// The standard has one function under both names.
Object.defineProperty(Lifecycle.prototype, Symbol.asyncDispose, {
  value: Lifecycle.prototype.disposeAsync,
  writable: true,
  configurable: true,
})
Object.defineProperty(Lifecycle.prototype, Symbol.toStringTag, { value: 'Lifecycle', configurable: true })
