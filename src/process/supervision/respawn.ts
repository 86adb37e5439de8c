import { LONGEST_TIMEOUT } from '../../lifecycle/check.ts'
import { wordOf } from '../../lifecycle/errors.ts'
import { type Lifecycle, scopeOf } from '../../lifecycle/lifecycle.ts'
import { closeScope } from '../../lifecycle/scope-kind.ts'
import type { LifeEnd } from '../../lifecycle/supervision/life-end.ts'
import type { GroupMember } from '../../lifecycle/supervision/supervise-policy.ts'
import { ChildError } from '../child/child-error.ts'
import type { ChildExit } from '../child/child-exit.ts'
import { launch } from '../child/launch.ts'
import type { Launched } from '../child/launched.ts'
import type { SpawnedChild } from '../child/spawned-child.ts'
import type { ProcessCommand, ProcessPolicy } from './process-policy.ts'

/** Why the system refuses to start something, now and every time. */
const LASTING = ['ENOENT', 'EACCES', 'EPERM', 'ENOEXEC', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG', 'E2BIG']

/** Why the scope of a life closes. */
const EXITED = 'its process has exited'

/** A process that is supervised: how its lives are started and judged, and the child of the present one. */
export class Respawn {
  readonly #command: ProcessCommand
  readonly #policy: ProcessPolicy
  #launched: Launched | undefined = undefined
  #ready: Promise<unknown> | undefined = undefined
  /**
   * Why a tree could not be ended: another one on top of it would find its port taken, and its files in use. It may have
   * failed, too, where signalling was refused.
   */
  #stuck: { readonly error: unknown } | undefined = undefined

  constructor(command: ProcessCommand, policy: ProcessPolicy) {
    this.#command = command
    this.#policy = policy
  }

  /** The child of the present life, until its tree is gone. */
  get child(): SpawnedChild | undefined {
    return Number.isNaN(this.#launched?.pid) ? undefined : this.#launched
  }

  /** How it is supervised. */
  get definition(): GroupMember<ChildExit> {
    const { giveUpOn: _, isNormal = ({ code }) => code === 0, ...policy } = this.#policy
    return {
      ...policy,
      isNormal,
      start: (scope) => this.#start(scope),
      readyWhen: () => this.#ready,
      // Its own time is up sooner, and its tree is ended before that is told.
      readyTimeout: LONGEST_TIMEOUT,
      giveUpWhen: (end) => this.#isFinal(end),
    }
  }

  #start(scope: Lifecycle): Promise<ChildExit> {
    this.#launched = undefined
    if (this.#stuck !== undefined) throw this.#stuck.error
    const { command, args = [], ...options } = this.#command
    const launched = launch(scope, command, args, { ...options, name: 'process' })
    this.#launched = launched
    this.#ready = this.#comeUp(launched)
    // The life is over, and what is left of its tree is ended in the closing. How it has ended is known after that.
    launched.child.once('exit', () => closeScope(scopeOf(scope), { reason: EXITED }, Number.POSITIVE_INFINITY, false))
    return this.#live(launched)
  }

  /** One life: it rejects where the child never was ready, but not where it was ended before that. */
  async #live(launched: Launched): Promise<ChildExit> {
    try {
      await this.#ready
    } catch (error) {
      if (wordOf(error, 'code') !== 'ERR_CLOSED') throw error
    }
    return await this.#gone(launched)
  }

  async #comeUp(launched: Launched): Promise<void> {
    try {
      await launched.ready
    } catch (error) {
      await this.#gone(launched)
      throw error
    }
  }

  /** Waits until its tree is gone. That it is not, whatever was tried, is worse than what went wrong before. */
  async #gone(launched: Launched): Promise<ChildExit> {
    const exit = await launched.ended
    this.#launched = undefined
    if (!exit.abandoned) return exit
    this.#stuck = { error: launched.failure }
    throw launched.failure
  }

  #isFinal(end: LifeEnd<ChildExit>): boolean {
    const { error } = end
    if (this.#stuck !== undefined) return true
    if (error instanceof ChildError && LASTING.includes(String(wordOf(error.cause, 'code')))) return true
    const exit = error instanceof ChildError ? error.exit : end.value
    const { giveUpOn = [], giveUpWhen } = this.#policy
    const isFatal = exit !== undefined && exit.code !== null && giveUpOn.includes(exit.code)
    return isFatal || (giveUpWhen?.(end) ?? false)
  }
}
