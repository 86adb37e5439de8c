import type { Clock, ClockTimer } from '../clock.ts'
import type { SupervisedMember } from './supervised-member.ts'

/** Members that begin again together, and the wait before that: one of them alone, unless the strategy couples all. */
export class Crew {
  readonly members: readonly SupervisedMember[]
  readonly #clock: Clock
  /** How many ms it is to wait once all that has to end has ended. */
  #wait: number | undefined = undefined
  #timer: ClockTimer | undefined = undefined

  constructor(members: readonly SupervisedMember[], clock: Clock) {
    this.members = members
    this.#clock = clock
  }

  /** Those that have no life, and are to have another. */
  get down(): readonly SupervisedMember[] {
    return this.members.filter(({ isDown }) => isDown)
  }

  /** Has the next lives wait for so long, or for nothing; a wait under way is over. */
  hold(wait: number | undefined): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer)
    this.#timer = undefined
    this.#wait = wait
  }

  /** Ends what has to end, the last one first. Says whether that is under way. */
  isEnding(): boolean {
    for (const member of this.members.toReversed()) {
      if (!member.isStopping) continue
      member.stop('its next life is to begin')
      if (member.isStopping) return true
    }
    return false
  }

  /** Lets the wait pass, and calls `over` after it. Says whether that is under way. */
  isWaiting(over: () => void): boolean {
    const wait = this.#wait
    if (wait === undefined) return false
    if (this.#timer !== undefined) return true
    this.#timer = this.#clock.setTimeout(() => {
      this.hold(undefined)
      over()
    }, wait)
    for (const member of this.down) member.wait(wait)
    return true
  }
}
