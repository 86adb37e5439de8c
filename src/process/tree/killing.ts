import type { Clock, ClockTimer } from '../../lifecycle/clock.ts'
import { pause } from '../../lifecycle/pause.ts'
import { drainPipes } from './drain-pipes.ts'
import { whenKnown } from './process-table.ts'
import type { ProcessTree } from './process-tree.ts'
import type { Survivor } from './survivor.ts'
import { untilGone } from './vigil.ts'

/** How long a dead process gets to be read by its parent, in ms, before it counts as a zombie. */
const REAPED = 20

/** How `killTree` ended a tree. */
export interface KillTreeResult {
  /** `closed` if all ended on the gentle signal or had ended before, `forced` if some needed SIGKILL, `abandoned` if some live on. */
  readonly outcome: 'closed' | 'forced' | 'abandoned'
  /** All members that lived when it began or were found later. */
  readonly pids: readonly number[]
  /** Those that got SIGKILL. */
  readonly forced: readonly number[]
  /** Those that live on. */
  readonly survivors: readonly Survivor[]
  /**
   * Those that are dead but stay listed for ever: this process is their parent now, and Node waits only for what it has
   * spawned. It happens to process 1 of a container that has no init.
   */
  readonly zombies: readonly number[]
  /** `group` if the target's group was signalled as one, `walk` if each member by itself, `taskkill` on Windows. */
  readonly method: 'group' | 'walk' | 'taskkill'
  /** How long it took, in ms. */
  readonly ms: number
}

/** How a tree is to be killed; see `KillTreeOptions`. */
export interface Manner {
  readonly signal: NodeJS.Signals
  readonly grace: number
  readonly reap: number
  readonly clock: Clock
}

/** One course of killing a tree: the gentle signal, the grace, SIGKILL, and a last wait. */
export class Killing {
  readonly result: Promise<KillTreeResult>
  readonly #tree: ProcessTree
  readonly #manner: Manner
  readonly #graceOver = new AbortController()
  readonly #allOver = new AbortController()
  #due = Number.POSITIVE_INFINITY
  #timer: ClockTimer | undefined
  #left = false
  #ended = false

  constructor(tree: ProcessTree, manner: Manner) {
    this.#tree = tree
    this.#manner = manner
    this.result = this.#run()
  }

  /** Whether others may join: it is under way, or nobody was left. */
  get isOpen(): boolean {
    return !this.#left
  }

  /** Forces it `grace` ms from now, unless it would be forced before. */
  forceWithin(grace: number): void {
    const { clock } = this.#manner
    const due = clock.now() + grace
    if (due >= this.#due || this.#ended || this.#graceOver.signal.aborted) return
    this.#clear()
    this.#due = due
    if (grace === 0) this.#graceOver.abort()
    else this.#timer = clock.setTimeout(() => this.#graceOver.abort(), grace)
  }

  #clear(): void {
    if (this.#timer !== undefined) this.#manner.clock.clearTimeout(this.#timer)
    this.#timer = undefined
  }

  async #run(): Promise<KillTreeResult> {
    const { clock, signal, grace } = this.#manner
    const begun = clock.now()
    this.forceWithin(signal === 'SIGKILL' ? 0 : grace)
    try {
      const gone = (await this.#close()) || (await this.#force())
      this.#left = !gone
      if (gone) await this.#cleanUp()
      this.#checkSight()
      return { ...this.#tell(gone), ms: clock.now() - begun }
    } finally {
      this.#ended = true
      this.#clear()
    }
  }

  #close(): Promise<boolean> {
    const { clock, signal } = this.#manner
    this.#tree.signal = signal
    const act = () => this.#tree.ask()
    const begin = () => whenKnown(this.#tree.look(clock), act)
    return untilGone(this.#tree, { clock, stop: this.#graceOver.signal, begin, act })
  }

  async #force(): Promise<boolean> {
    const { clock, reap } = this.#manner
    this.#timer = clock.setTimeout(() => this.#allOver.abort(), reap)
    const begin = () => this.#tree.force(clock)
    const stop = this.#allOver.signal
    if (await untilGone(this.#tree, { clock, stop, begin, act: () => this.#tree.kill() })) return true
    // So that survivors are those of now.
    await this.#tree.look(clock, true)
    return this.#tree.isGone()
  }

  /** The pipes of the root are closed, and whoever has died is read by his parent, if that waits for him. */
  async #cleanUp(): Promise<void> {
    const { child } = this.#tree
    const { clock } = this.#manner
    // Whoever reads its output slowly gets what is left of the grace.
    const hurry = this.#graceOver.signal
    if (child !== undefined) await drainPipes(child, { clock, stop: new AbortController().signal, hurry })
    if (this.#tree.zombies.length === 0) return
    await pause(clock, REAPED)
    await this.#tree.glance()
  }

  /** Success is not claimed where nobody could see it. */
  #checkSight(): void {
    const { blindness, method, pid } = this.#tree
    if (blindness === undefined || method === 'group') return
    throw new Error(`Process ${pid} was signalled, but what it has started cannot be known.`, { cause: blindness })
  }

  #tell(gone: boolean): Omit<KillTreeResult, 'ms'> {
    const { found: pids, forced, survivors, zombies, method } = this.#tree
    const outcome = gone ? (forced.length > 0 ? 'forced' : 'closed') : 'abandoned'
    return { outcome, pids, forced, survivors: gone ? [] : survivors, zombies, method }
  }
}
