import { checkFunction, checkName, checkObject, checkOptions, checkTimeout, wrongType } from './check.ts'
import type { Clock } from './clock.ts'

/** What a kind is told while it ends a resource. */
export interface CloseContext {
  /** Aborts when the resource is about to be forced: its grace is over, or everything must end now. */
  readonly signal: AbortSignal
  /** How many ms this close may take before the resource is forced. */
  readonly grace: number
  /** Why the lifecycle ends, as given to `close({ reason })`. */
  readonly reason: string
  /** The lifecycle's clock; a kind takes all its time from here. */
  readonly clock: Clock
  /** Adds a sentence to the resource's row in the report, such as `drained 3, cut 1`. The last one wins. */
  note(text: string): void
}

/**
 * How one sort of resource ends. A kind is data: the order, the deadlines, the escalation and the report are the
 * lifecycle's, and the same for all kinds.
 */
export interface Kind<T = unknown> {
  /** One word for reports, events and metrics, such as `server`. */
  readonly name: string
  /** Whether `value` is of this kind. Must be quick and must not throw. */
  matches(value: unknown): boolean
  /** Ends it gently. What it returns is awaited; a throw or a rejection makes the outcome `failed`. */
  close(value: T, context: CloseContext): unknown
  /** Ends it now. What it returns is awaited for at most a second. Without it, a close that hangs is `abandoned`. */
  force?(value: T, context: CloseContext): unknown
  /** Whether it has ended. Asked after forcing, and for kinds without `onGone` now and then. */
  isGone?(value: T): boolean
  /** Calls `leave` once when the resource ends by itself. Returns the undo, which takes its listeners off. */
  onGone?(value: T, leave: () => void): (() => void) | undefined
  /**
   * It is about to be closed, and tells those who use it, while all that is under way goes on. Unless it `accepts`, it
   * takes nothing new from now on: others do. Must be quick; `close` comes later.
   */
  announce?(value: T, accepts: boolean): void
  /** A few words that tell one resource from another, such as `pid 4711` or `port 8080`. */
  describe?(value: T): string
  /** Milliseconds that `close` may take before `force`. Default: the lifecycle's own `grace`. */
  readonly grace?: number
}

const parts = ['name', 'matches', 'close', 'force', 'isGone', 'onGone', 'announce', 'describe', 'grace'] as const

/**
 * Defines how a sort of resource ends, to be passed as `use(value, { kind })` or `new Lifecycle({ kinds })`.
 *
 * @throws TypeError or RangeError when a part is missing, unknown or of the wrong type.
 * @example
 * ```ts
 * const redis = defineKind<Redis>({
 *   name: 'redis',
 *   matches: (value) => value instanceof Redis,
 *   close: (client) => client.quit(),
 *   force: (client) => client.disconnect(),
 *   isGone: (client) => client.status === 'end',
 * })
 * const life = new Lifecycle({ kinds: [redis] })
 * life.use(new Redis())
 * ```
 */
export function defineKind<T>(definition: Kind<T>): Kind<T> {
  checkObject('definition', definition)
  checkOptions('kind', definition, parts)
  checkKind('kind', definition)
  return Object.freeze({ ...definition })
}

/** Refuses what is no kind, also where `defineKind` was not asked. */
export function checkKind(name: string, kind: Kind<never>, expected = 'a kind'): void {
  const mend = 'Make one with defineKind().'
  if (typeof kind !== 'object' || kind === null) throw wrongType(name, expected, kind, mend)
  checkName(`${name}.name`, kind.name)
  for (const part of ['close', 'matches'] as const) checkFunction(`${name}.${part}`, kind[part], mend)
  for (const part of ['force', 'isGone', 'onGone', 'announce', 'describe'] as const) {
    if (kind[part] !== undefined) checkFunction(`${name}.${part}`, kind[part])
  }
  if (kind.grace !== undefined) checkTimeout(`${name}.grace`, kind.grace)
}

/** The first kind that matches a value. One whose look at a hostile value throws does not match. */
export function kindFor(value: unknown, kinds: readonly Kind[]): Kind | undefined {
  return kinds.find((kind) => {
    try {
      return kind.matches(value)
    } catch {
      return false
    }
  })
}
