/**
 * The words of this library, each with one meaning everywhere, and the shapes that they name.
 *
 * - A **resource** is anything that must end. Its **path** is its name and those above it, as in `/orders/db`.
 * - To **close** is to end gently and let work finish; to **force** is to end now. To **release** is to end one
 *   resource before its lifecycle does; to **forget** is to stop tracking it without ending it.
 * - **Grace** is how many ms one resource gets to close before it is forced. A **timeout** is a duration in ms, a
 *   **deadline** is a moment.
 * - Every resource that a lifecycle ends has one **outcome**, and the **report** names them all.
 */
import type { Clock } from './clock.ts'
import type { Kind } from './kind.ts'

/**
 * How a resource ended: `closed` gently, `forced` after its grace or at the deadline, `failed` because its closing
 * threw, or `abandoned` because neither rung ended it in time.
 */
export type Outcome = 'closed' | 'forced' | 'failed' | 'abandoned'

/** A place in the source where a resource was made. */
export interface Site {
  /** Path or URL of the file, as the engine knows it. */
  readonly file: string
  /** Line, counted from 1. */
  readonly line: number
  /** Column, counted from 1. */
  readonly column: number
  /** The function around it, where it has a name. */
  readonly function?: string
}

/** One line of a {@link Report}: a resource and how it ended. */
export interface Row {
  /** Names from the root, such as `/orders/db`. */
  readonly path: string
  /** The sort of resource, such as `server`. */
  readonly kind: string
  /** How it ended. */
  readonly outcome: Outcome
  /** How long its ending took, in ms. */
  readonly ms: number
  /** What its closing threw, or the `ERR_ABANDONED` that says it did not end. */
  readonly error?: unknown
  /** A sentence of its kind about the ending, such as `drained 3, cut 1`. */
  readonly note?: string
  /** Where it was made, as far as the leak level keeps it. */
  readonly site?: Site
}

/**
 * What `close()` resolves to: every resource that did not close gently, and the slowest 1 000 of those that did.
 *
 * `String(report)` is a tree to read, `JSON.stringify(report)` keeps the errors' names, messages and codes.
 */
export interface Report {
  /** Path of the lifecycle that ended. */
  readonly path: string
  /** Why it ended. */
  readonly reason: string
  /** False in the interim report that a disposer gets which calls `close()` on its own lifecycle. */
  readonly complete: boolean
  /** How long it took, in ms. */
  readonly ms: number
  /** How many resources ended in which way; those without a row are counted too. */
  readonly counts: Readonly<Record<Outcome, number>>
  /** The rows, slowest first. */
  readonly rows: readonly Row[]
}

/**
 * How much is remembered of where resources were made: nothing (`off`, `counts`), the first 16 made at each place and
 * all that are rare by nature (`sampled`), or every one (`full`, `paranoid`).
 */
export type LeakLevel = 'off' | 'counts' | 'sampled' | 'full' | 'paranoid'

/** In which order resources close: newest first and one by one, or all at once where no edge forbids it. */
export type Order = 'reverse' | 'parallel'

/** Options of `new Lifecycle()`. */
export interface LifecycleOptions {
  /** Its place in paths. Without `/`. Default: `lifecycle`. */
  name?: string
  /** How many ms closing may take in all, 0 to 2 147 483 647. Default: 25 000 at the root, what is left of it inside. */
  timeout?: number
  /** How many ms each resource gets to close before it is forced. Default: 5 000, or its parent's. */
  grace?: number
  /** The order of closing. Default: `reverse`. A scope does not inherit it. */
  order?: Order
  /** Kinds of your own, asked before Node's. Default: none, or the parent's. */
  kinds?: readonly Kind<never>[]
  /** How much is remembered of where resources were made. Default: `ENDSWELL_LEAKS`, else `sampled`. */
  leaks?: LeakLevel
  /** The source of time. Default: the real one. */
  clock?: Clock
}

/** Names a sibling: its name, or the value that was registered. */
export type Reference = string | object

/** Where a resource stands among its siblings. */
export interface PlaceOptions {
  /** Siblings that this one needs: they close after it. */
  dependsOn?: readonly Reference[]
  /** Siblings that need this one: they close before it. */
  requiredBy?: readonly Reference[]
  /** Closes after all others that no edge puts behind it: for loggers and telemetry. Default: false. */
  last?: boolean
}

/** Options of `defer` and `adopt`. */
export interface ResourceOptions extends PlaceOptions {
  /** Its place in paths. Need not be unique: a repeat shows as `db#2`. Default: its kind and number, `callback#7`. */
  name?: string
  /** How many ms it gets to close before it is forced. Default: its kind's, else its lifecycle's. */
  grace?: number
}

/** A way to end `T`: a function that is given the value, or the name of a method without arguments. */
export type Ending<T> =
  | ((value: T) => unknown)
  | { [K in keyof T]-?: T[K] extends (...args: never[]) => unknown ? K : never }[keyof T]

/** Options of `use`. */
export interface UseOptions<T> extends ResourceOptions {
  /** Decides by hand how it ends: a kind, or `false` for the object's own disposer. */
  kind?: Kind<T> | false
  /** Ends it gently: a function or the name of a method. What it returns is awaited. */
  close?: Ending<T>
  /** Ends it now, when `close` has not done so within its grace. */
  force?: Ending<T>
}

/** Options of `scope`: those of a lifecycle, and its place among its siblings. */
export interface ScopeOptions extends Omit<LifecycleOptions, 'name'>, PlaceOptions {}

/** Options of `task`. */
export interface TaskOptions extends PlaceOptions {
  /** How many ms it gets to settle after its signal has aborted. Default: its lifecycle's. */
  grace?: number
  /** Whether its failure starts the shutdown of the whole lifecycle. Default: false. */
  fatal?: boolean
}

/** Options of `every`. */
export interface EveryOptions extends PlaceOptions {
  /** Share of the interval, 0 to 1, by which each wait is lengthened at random. Default: 0. */
  jitter?: number
  /** Whether the first run is now. Default: false, one interval from now. */
  immediate?: boolean
  /** Whether the waiting timer keeps the process alive. Default: true. */
  ref?: boolean
  /** How many ms a run under way gets to settle at close. Default: its lifecycle's. */
  grace?: number
}

/** Options of `close`. */
export interface CloseOptions {
  /** Why, for the report and for people. Default: `close() was called`. */
  reason?: string
  /** How many ms closing may take. A later call can only shorten it. Default: the lifecycle's own timeout. */
  timeout?: number
  /** Whether everything is forced at once. Default: false. */
  force?: boolean
}

/** Where a lifecycle stands. */
export type State = 'open' | 'closing' | 'closed'

/** One resource in a {@link Snapshot}. */
export interface ResourceSnapshot {
  /** Names from the root. */
  readonly path: string
  /** The sort of resource. */
  readonly kind: string
  /** Whether it is in use or on its way out. */
  readonly state: 'open' | 'closing'
  /** How long it has been registered, in ms, to the second. Absent where the leak level is `off`. */
  readonly age?: number
  /** A few words of its kind, such as `port 8080`. */
  readonly description?: string
  /** Where it was made. */
  readonly site?: Site
  /** What is inside, where it is a scope. */
  readonly inside?: Snapshot
}

/** What a lifecycle holds at one moment: a frozen plain object. */
export interface Snapshot {
  /** Names from the root. */
  readonly path: string
  /** Where it stands. */
  readonly state: State
  /** How many resources it holds itself, scopes counted as one. */
  readonly size: number
  /** Its resources in order of registration. */
  readonly resources: readonly ResourceSnapshot[]
}
