import { Alarm } from '../../lifecycle/alarm.ts'
import type { Clock } from '../../lifecycle/clock.ts'
import { AgeList } from './age-list.ts'
import type { PendingCall } from './pending-call.ts'

/** How many ms a call has at each stage; Infinity for no limit. */
export interface Limits {
  readonly queueTimeout: number
  readonly taskTimeout: number
  readonly cancelGrace: number
}

/**
 * Tells when a call's time is over. Calls with the usual time cost no timer: they stand in order of age, and one alarm
 * looks at the oldest. Only those with a time of their own have a timer. None of them keeps the process alive: the thread
 * that is at work does.
 */
export class Deadlines {
  readonly #clock: Clock
  readonly #over: (call: PendingCall) => void
  readonly #waiting: AgeList
  readonly #running: AgeList
  readonly #cancelling: AgeList
  readonly #alarm: Alarm

  /** @param over called when time is up; it must take the call out, by `forget` or by putting it elsewhere. */
  constructor(clock: Clock, { queueTimeout, taskTimeout, cancelGrace }: Limits, over: (call: PendingCall) => void) {
    this.#clock = quiet(clock)
    this.#over = over
    this.#waiting = new AgeList(queueTimeout)
    this.#running = new AgeList(taskTimeout)
    this.#cancelling = new AgeList(cancelGrace)
    this.#alarm = new Alarm(this.#clock, () => this.#ring())
  }

  /** It waits in the queue from now on. */
  wait(call: PendingCall, now: number): void {
    this.#enter(this.#waiting, call, now, call.queueTimeout)
  }

  /** It runs from now on; or it has shown that it is alive. */
  run(call: PendingCall, now: number): void {
    this.#enter(this.#running, call, now, call.timeout)
  }

  /** It is to end from now on. */
  cancel(call: PendingCall, now: number): void {
    this.#enter(this.#cancelling, call, now, undefined)
  }

  /** Its time does not count any more. */
  forget(call: PendingCall): void {
    call.at = Number.NaN
    if (call.ages !== undefined) call.ages.remove(call)
    if (call.timer === undefined) return
    this.#clock.clearTimeout(call.timer)
    call.timer = undefined
  }

  /** Nothing is waited for any more. */
  close(): void {
    this.#alarm.clear()
  }

  #enter(list: AgeList, call: PendingCall, now: number, own: number | undefined): void {
    this.forget(call)
    call.at = now
    if (own !== undefined) {
      if (own === Number.POSITIVE_INFINITY) return
      call.timer = this.#clock.setTimeout(() => {
        call.timer = undefined
        this.#over(call)
      }, own)
      return
    }
    if (list.limit === Number.POSITIVE_INFINITY) return
    list.add(call)
    this.#alarm.set(now + list.limit, now)
  }

  #ring(): void {
    const now = this.#clock.now()
    for (const list of [this.#cancelling, this.#running, this.#waiting]) {
      for (let call = list.oldest; call !== undefined && call.at + list.limit <= now; call = list.oldest) {
        list.remove(call)
        this.#over(call)
      }
    }
    for (const { oldest, limit } of [this.#cancelling, this.#running, this.#waiting]) {
      if (oldest !== undefined) this.#alarm.set(oldest.at + limit, now)
    }
  }
}

/** The same clock, with timers that let the process end. */
export function quiet(clock: Clock): Clock {
  return {
    now: () => clock.now(),
    setTimeout: (callback, delay) => {
      const timer = clock.setTimeout(callback, delay)
      timer.unref()
      return timer
    },
    clearTimeout: (timer) => clock.clearTimeout(timer),
  }
}
