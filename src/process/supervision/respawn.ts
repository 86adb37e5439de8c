import { LONGEST_TIMEOUT } from '../../lifecycle/check.ts'
import { wordOf } from '../../lifecycle/errors.ts'
import type { Lifecycle } from '../../lifecycle/lifecycle.ts'
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
    scope.subscribe(({ type, path, outcome, error }) => {
      if (type !== 'resource.ended' || path !== launched.path) return
      if (outcome === 'abandoned' || outcome === 'failed') this.#stuck = { error }
    })
    // What could not be ended is worse than what went wrong before.
    this.#ready = launched.ready.catch((error) => Promise.reject(this.#stuck === undefined ? error : this.#stuck.error))
    return this.#live(scope, launched)
  }

  /** One life: it rejects where the child never was ready, but not where it was ended before that. */
  async #live(scope: Lifecycle, launched: Launched): Promise<ChildExit> {
    void launched.ended.then(() => {
      if (this.#launched === launched) this.#launched = undefined
    })
    try {
      await this.#ready
    } catch (error) {
      if (wordOf(error, 'code') !== 'ERR_CLOSED') throw error
    }
    const exit = await launched.ended
    // Where its scope is being closed, the report names it.
    if (this.#stuck !== undefined && scope.state === 'open') throw this.#stuck.error
    return exit
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
