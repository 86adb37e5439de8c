/** What happened to the jobs of a registry within one minute. */
export interface JobMinute {
  /** When it began, in ms since 1970. */
  readonly at: number
  /** How many were started in it. */
  readonly started: number
  /** How many were completed in it. */
  readonly completed: number
  /** How many failed in it. */
  readonly failed: number
  /** How many were cancelled in it. */
  readonly cancelled: number
  /** How many were active when it ended, or are now in the last. */
  readonly active: number
}

type Counted = 'started' | 'completed' | 'failed' | 'cancelled'
type Minute = Record<Counted | 'active', number>

const MINUTE = 60_000
const KEPT = 60

/** The counts of the last 60 minutes. No timer turns the page: it is turned when somebody counts or reads. */
export class JobHistory {
  readonly #minutes: Minute[] = [emptyMinute(0)]
  /** When the last minute began, on a monotonic clock. */
  #began: number

  constructor(now: number) {
    this.#began = now
  }

  /** Counts one, after which so many are active. */
  count(word: Counted, active: number, now: number): void {
    const minute = this.#turn(now)
    minute[word] += 1
    minute.active = active
  }

  /** The minutes, oldest first. The last is not over yet. */
  rows(now: number, date: number): JobMinute[] {
    this.#turn(now)
    const first = date - (now - this.#began) - (this.#minutes.length - 1) * MINUTE
    return this.#minutes.map((minute, index) => Object.freeze({ at: Math.round(first + index * MINUTE), ...minute }))
  }

  /** The minute that `now` is in; those in which nothing happened are filled in. */
  #turn(now: number): Minute {
    const passed = Math.floor((now - this.#began) / MINUTE)
    this.#began += passed * MINUTE
    for (let left = Math.min(passed, KEPT); left > 0; left -= 1) this.#minutes.push(emptyMinute(this.#last.active))
    if (this.#minutes.length > KEPT) this.#minutes.splice(0, this.#minutes.length - KEPT)
    return this.#last
  }

  get #last(): Minute {
    return this.#minutes.at(-1) as Minute
  }
}

function emptyMinute(active: number): Minute {
  return { started: 0, completed: 0, failed: 0, cancelled: 0, active }
}
