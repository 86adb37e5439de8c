import type { Clock } from '../../lifecycle/clock.ts'
import { Counts } from './bridge-counts.ts'
import { callTimeout, closedBefore, lostCall, queueFull, unheeded, unknownMethod } from './bridge-errors.ts'
import type { BridgeSettings } from './bridge-options.ts'
import { CallQueue } from './call-queue.ts'
import { Deadlines } from './deadlines.ts'
import { CANCELLING, type Carrier, OVER, type PendingCall, QUEUED, RUNNING } from './pending-call.ts'

/** Who does the calls, and hears of the queue. */
export interface Staff {
  readonly path: string
  readonly clock: Clock
  /** A thread with a free place. */
  free(): Carrier | undefined
  /** For so many calls there is no free place. */
  need(calls: number): void
  /** There are more that wait, or fewer. */
  onQueue(): void
  /** No call is left, in the queue or in a thread. */
  onAllOver(): void
}

/**
 * Takes calls, has them wait, hands them to threads, and settles each of them once: with what its thread says, or because
 * it was cancelled, its time is up, its thread was lost or its bridge closes.
 */
export class Desk {
  readonly counts = new Counts()
  readonly queue = new CallQueue()
  /** How many calls are in threads. */
  running = 0
  readonly #staff: Staff
  readonly #settings: BridgeSettings
  readonly #deadlines: Deadlines

  constructor(staff: Staff, settings: BridgeSettings) {
    this.#staff = staff
    this.#settings = settings
    this.#deadlines = new Deadlines(staff.clock, settings, (call) => this.#timeOver(call))
  }

  get isIdle(): boolean {
    return this.running === 0 && this.queue.size === 0
  }

  /** Takes a new call: it is sent, waits, or is refused. */
  accept(call: PendingCall): void {
    const { queue } = this
    if (queue.size === 0) {
      const thread = this.#staff.free()
      if (thread !== undefined) return this.#send(call, thread, call.since)
    }
    const { maxQueue, overflow } = this.#settings
    if (queue.size >= maxQueue && overflow === 'reject') {
      call.state = OVER
      call.unlisten()
      this.counts.refused += 1
      this.#staff.need(queue.size + 1)
      return call.refuse(queueFull(this.#staff.path, call.method, maxQueue))
    }
    queue.push(call)
    this.#deadlines.wait(call, call.since)
    this.#staff.onQueue()
    this.#staff.need(queue.size)
  }

  /** Hands out what waits, as far as there are free places. */
  pump(): void {
    const { queue } = this
    if (queue.size === 0) return
    for (let thread = this.#staff.free(); thread !== undefined; thread = this.#staff.free()) {
      const call = queue.shift()
      if (call === undefined) break
      this.#send(call, thread, this.#staff.clock.now())
    }
    this.#staff.onQueue()
    // What was sent may have been refused at once.
    if (this.isIdle) this.#staff.onAllOver()
  }

  /** A call in a thread is over. */
  settle(call: PendingCall, isValue: boolean, value: unknown): void {
    this.running -= 1
    this.#deadlines.forget(call)
    if (call.state === RUNNING) {
      call.state = OVER
      call.unlisten()
      if (isValue) {
        this.counts.done += 1
        call.resolve(value)
      } else {
        this.counts.failed += 1
        call.reject(value)
      }
    }
    this.#next()
  }

  /** A thread has sent one of many values: it lives, and may go on as long as it has credit. */
  item(call: PendingCall, value: unknown): void {
    if (call.state !== RUNNING) return
    call.credit -= 1
    if (call.credit > 0) this.#deadlines.run(call, this.#staff.clock.now())
    else this.#deadlines.forget(call)
    call.stream?.push(value)
  }

  /** A consumer has taken values. */
  credit(call: PendingCall, count: number): void {
    if (call.state !== RUNNING) return
    if (call.credit === 0) this.#deadlines.run(call, this.#staff.clock.now())
    call.credit += count
    call.thread?.credit(call, count)
  }

  /** Ends a call from outside: its caller hears it at once, and its thread is told. */
  cancel(call: PendingCall, reason: unknown): void {
    if (call.state !== QUEUED && call.state !== RUNNING) return
    this.counts.cancelled += 1
    this.#giveUp(call, reason)
  }

  /** What was in a thread that is no more: what it had begun is lost, and the rest waits for another. */
  lose(path: string, begun: readonly PendingCall[], others: readonly PendingCall[], cause: unknown): void {
    this.running -= begun.length + others.length
    const isAlone = begun.length === 1
    for (const call of begun) this.#lost(call, path, cause, !isAlone)
    const now = this.#staff.clock.now()
    for (const call of others.toReversed()) {
      if (call.state !== RUNNING || call.transfer !== undefined) this.#lost(call, path, cause, true)
      else this.#putBack(call, now)
    }
    this.#next()
  }

  /** Gives up all that waits. */
  drop(errorOf: (call: PendingCall) => unknown): void {
    for (let call = this.queue.shift(); call !== undefined; call = this.queue.shift()) {
      this.counts.unserved += 1
      this.#end(call, errorOf(call))
    }
    this.#staff.onQueue()
    this.#next()
  }

  /** Nothing is timed any more. */
  close(): void {
    this.#deadlines.close()
  }

  #send(call: PendingCall, thread: Carrier, now: number): void {
    if (!thread.methods.has(call.method)) {
      this.counts.failed += 1
      return this.#end(call, unknownMethod(this.#staff.path, call, thread.methods))
    }
    call.state = RUNNING
    this.running += 1
    this.#deadlines.run(call, now)
    thread.carry(call)
  }

  /** A place is free, or a call gone. */
  #next(): void {
    if (this.queue.size > 0) this.pump()
    else if (this.running === 0) this.#staff.onAllOver()
  }

  #putBack(call: PendingCall, now: number): void {
    this.counts.retried += 1
    call.state = QUEUED
    call.thread = undefined
    this.queue.unshift(call)
    this.#deadlines.wait(call, now)
    this.#staff.onQueue()
  }

  #lost(call: PendingCall, path: string, cause: unknown, retriable: boolean): void {
    this.#deadlines.forget(call)
    const { state } = call
    call.state = OVER
    if (state !== RUNNING) return
    this.counts.lost += 1
    call.unlisten()
    const wasAsked = cause === undefined
    call.refuse(wasAsked ? closedBefore(this.#staff.path, call) : lostCall(path, call, cause, retriable))
  }

  #timeOver(call: PendingCall): void {
    const { thread, state, at } = call
    // Where we were held up ourselves, its answer may have come long ago, or its next value.
    thread?.listen()
    if (call.state !== state || call.at !== at) return
    if (state === CANCELLING) {
      // One that waits in its thread behind others is never begun: they are not to suffer for it.
      if (thread?.isStuckIn(call)) thread.condemned(unheeded(call))
      return
    }
    this.counts.timedOut += 1
    const isQueued = state === QUEUED
    const { queueTimeout, taskTimeout } = this.#settings
    const timeout = isQueued ? (call.queueTimeout ?? queueTimeout) : (call.timeout ?? taskTimeout)
    this.#giveUp(call, callTimeout(this.#staff.path, call, timeout, this.#staff.clock.now(), isQueued))
  }

  #giveUp(call: PendingCall, reason: unknown): void {
    const { thread } = call
    if (call.state === QUEUED || thread === undefined) {
      this.queue.remove(call)
      this.#end(call, reason)
      this.#staff.onQueue()
      return this.#next()
    }
    call.state = CANCELLING
    call.unlisten()
    this.#deadlines.cancel(call, this.#staff.clock.now())
    thread.cancel(call, reason)
    call.refuse(reason)
  }

  #end(call: PendingCall, reason: unknown): void {
    this.#deadlines.forget(call)
    call.state = OVER
    call.unlisten()
    call.refuse(reason)
  }
}
