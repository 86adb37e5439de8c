import type { Clock, ClockTimer } from '../../lifecycle/clock.ts'
import { hasExited } from './has-exited.ts'
import type { Soon } from './process-table.ts'
import type { ProcessTree } from './process-tree.ts'

/** The first and the longest wait between two looks, in ms. */
const FIRST_LOOK = 5
const LONGEST_LOOK = 50

/** What is done while the end of a tree is watched. */
export interface Watch {
  readonly clock: Clock
  /** Aborts when nobody waits for it any more. */
  readonly stop: AbortSignal
  /** What is done first, before the call returns if it can be. */
  readonly begin: () => Soon<unknown>
  /** What is done about those who live, after each look. */
  readonly act: () => Soon<unknown>
}

/**
 * Looks at a tree again and again, and acts on what it sees, until nobody in it lives and its root's exit was told of.
 *
 * @returns Whether it has ended: `false` if `stop` aborted before. Rejects with what `begin` or `act` throws.
 */
export function untilGone(tree: ProcessTree, watch: Watch): Promise<boolean> {
  return new Promise((resolve, reject) => new Vigil(tree, watch, resolve, reject).keep())
}

class Vigil {
  readonly #tree: ProcessTree
  readonly #watch: Watch
  readonly #resolve: (gone: boolean) => void
  readonly #reject: (error: unknown) => void
  readonly #wake = () => this.#lookAgain()
  readonly #letGo = () => this.#end(() => this.#resolve(false))
  #timer: ClockTimer | undefined
  #wait = FIRST_LOOK
  #nextSurvey = 0
  #isLooking = false
  /** The root has exited while we looked. */
  #isStale = false
  #ended = false

  constructor(tree: ProcessTree, watch: Watch, resolve: (gone: boolean) => void, reject: (error: unknown) => void) {
    this.#tree = tree
    this.#watch = watch
    this.#resolve = resolve
    this.#reject = reject
  }

  keep(): void {
    const { stop, begin } = this.#watch
    if (stop.aborted) return this.#resolve(false)
    this.#tree.child?.on('exit', this.#wake)
    stop.addEventListener('abort', this.#letGo)
    this.#planSurvey()
    this.#step(async () => {
      const begun = begin()
      if (begun instanceof Promise) await begun
      await this.#look()
    })
  }

  #end(settle: () => void): void {
    if (this.#ended) return
    this.#ended = true
    this.#clear()
    this.#tree.child?.off('exit', this.#wake)
    this.#watch.stop.removeEventListener('abort', this.#letGo)
    settle()
  }

  #clear(): void {
    if (this.#timer !== undefined) this.#watch.clock.clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #lookAgain(): void {
    this.#clear()
    if (this.#isLooking) this.#isStale = true
    else this.#step(() => this.#look())
  }

  async #step(step: () => Promise<void>): Promise<void> {
    this.#isLooking = true
    try {
      await step()
    } catch (error) {
      this.#end(() => this.#reject(error))
    }
    this.#isLooking = false
    if (!this.#ended) this.#next()
  }

  #next(): void {
    const { clock } = this.#watch
    if (this.#isStale) {
      this.#isStale = false
      return this.#lookAgain()
    }
    const wait = Math.min(this.#wait, Math.max(1, this.#nextSurvey - clock.now()))
    this.#timer = clock.setTimeout(this.#wake, wait)
    this.#wait = Math.min(this.#wait * 2, LONGEST_LOOK)
  }

  async #look(): Promise<void> {
    const { child } = this.#tree
    const lives = (await this.#sees()) || (await this.#isHiding())
    if (this.#ended) return
    if (lives) await this.#watch.act()
    else if (child === undefined || hasExited(child)) {
      this.#tree.end()
      this.#end(() => this.#resolve(true))
    }
  }

  /** Whether a member lives: of those who are known, or when it is time for it, of all. */
  async #sees(): Promise<boolean> {
    const { clock } = this.#watch
    if (clock.now() < this.#nextSurvey) return await this.#tree.glance()
    this.#planSurvey()
    return await this.#tree.look(clock, true)
  }

  /** All trees look at everybody at the same moments, so that a hundred of them look as often as one. */
  #planSurvey(): void {
    const { pace } = this.#tree
    this.#nextSurvey = (Math.floor(this.#watch.clock.now() / pace) + 1) * pace
  }

  /**
   * Whether somebody lives although none of those who are known does. One may fork behind a look and die before it has
   * come by: so where a group is still there, it takes two looks to believe that all in it are dead.
   */
  async #isHiding(): Promise<boolean> {
    const { clock } = this.#watch
    if (!this.#tree.mayHide) return false
    return (await this.#tree.look(clock, true)) || (this.#tree.groupExists && (await this.#tree.look(clock, true)))
  }
}
