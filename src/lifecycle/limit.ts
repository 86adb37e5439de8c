import type { Clock } from './clock.ts'

/** A moment by which something must be over: it bears the path of what that is. */
export class Limit {
  readonly path: string
  readonly clock: Clock
  readonly timeout: number
  readonly since: number

  constructor(path: string, clock: Clock, timeout: number) {
    this.path = path
    this.clock = clock
    this.timeout = timeout
    this.since = clock.now()
  }

  get at(): number {
    return this.since + this.timeout
  }

  get limitedBy(): this {
    return this
  }
}
