import { publish } from './events.ts'
import type { Scope } from './scope.ts'
import { watchClosing } from './watch-closing.ts'

/**
 * What a lifecycle tells the platform of itself: whether its start is over, what that still waits for, what came up
 * without being whole, and whether it is about to go. Kept for the topmost lifecycle; those inside speak of the same.
 */
export class Readiness {
  /** Whether the start is over. True from the beginning where nobody has begun one. */
  started = true
  /** Whether it still serves, but is about to close. */
  draining = false
  /** Paths of what the start waits for: required steps and phases that are announced or under way. */
  readonly pending = new Set<string>()
  /** Paths of what failed and was optional, or was given up, and what is lost by that or why, where it is known. */
  readonly degraded = new Map<string, string | undefined>()
  readonly #scope: Scope
  /** What was given up in each scope inside: it is no news once that has closed. */
  readonly #givenUp = new WeakMap<Scope, Set<string>>()
  #begun = false

  constructor(scope: Scope) {
    this.#scope = scope
  }

  /** Whether it is to be sent requests. */
  get ready(): boolean {
    return this.started && this.pending.size === 0 && !this.draining && this.#scope.state === 'open'
  }

  /** A start has begun. Says whether it is the first, and so that of the whole. */
  begin(): boolean {
    const first = !this.#begun
    if (first) this.started = false
    this.#begun = true
    return first
  }

  /** The start is over: from now on it serves. */
  start(): void {
    if (this.started) return
    this.started = true
    this.#publish('lifecycle.ready')
  }

  /** It is about to close, in `timeout` ms: no more requests, please. */
  drain(timeout?: number): void {
    if (this.draining) return
    this.draining = true
    this.#publish('lifecycle.draining', timeout === undefined ? {} : { timeout })
  }

  /** Something in a scope was given up: the whole is degraded until that scope has closed, or it is taken up again. */
  giveUp(scope: Scope, path: string, why: string): void {
    this.degraded.set(path, why)
    if (scope === this.#scope) return
    const known = this.#givenUp.get(scope)
    if (known !== undefined) return void known.add(path)
    const paths = new Set([path])
    this.#givenUp.set(scope, paths)
    watchClosing(scope, () => {
      for (const each of paths) this.degraded.delete(each)
    })
  }

  #publish(type: 'lifecycle.ready' | 'lifecycle.draining', more: { timeout?: number } = {}): void {
    const scope = this.#scope
    if (scope.observes(type)) publish(scope, { type, path: scope.path, kind: 'lifecycle', ...more })
  }
}

/** A private slot of each topmost scope, which goes with it. */
const slots = new WeakMap<Scope, Readiness>()

/** What a lifecycle tells of itself. */
export function readinessOf(scope: Scope): Readiness {
  const { root } = scope
  const known = slots.get(root)
  if (known !== undefined) return known
  const made = new Readiness(root)
  slots.set(root, made)
  return made
}
