import { soon } from '../lifecycle/clock.ts'
import { closedError } from '../lifecycle/closed-error.ts'
import type { LifecycleEvent } from '../lifecycle/event.ts'
import { customInspect } from '../lifecycle/inspect.ts'
import type { Kind } from '../lifecycle/kind.ts'
import { type CloseOptions, Ending } from '../lifecycle/own-ending.ts'
import { defineOwnKind, ownKind } from '../lifecycle/own-kind.ts'
import { Voice } from '../lifecycle/voice.ts'
import { checkWaitOptions, type QueueWaitOptions } from './queue/queue-options.ts'
import { Task, type TaskContext } from './tasks/task.ts'
import { TaskDesk } from './tasks/task-desk.ts'
import {
  checkTask,
  type TaskOptions,
  type TaskQueueOptions,
  type TaskSettings,
  taskSettings,
} from './tasks/task-options.ts'
import type { TaskQueueEnd, TaskQueueStats, TaskRow } from './tasks/task-stats.ts'

let voiceOf: (tasks: TaskQueue) => Voice

/**
 * Runs so many tasks at a time, and really not more: a task that has had its time, or was told to stop, gives its slot
 * back when its work has settled, not when its promise has. What waits is limited, and what is dropped is told.
 *
 * @example
 * ```ts
 * const tasks = life.use(new TaskQueue({ concurrency: 2, timeout: 60_000 }), { name: 'tasks' })
 * const thumb = await tasks.add(({ signal }) => resize(file, { signal }), { name: 'resize', priority: 1 })
 * ```
 */
export class TaskQueue implements AsyncDisposable {
  readonly #settings: TaskSettings
  readonly #voice: Voice
  readonly #desk: TaskDesk
  readonly #ending: Ending<TaskQueueEnd>
  #idle: PromiseWithResolvers<void> | undefined = undefined
  /** How many had ended by themselves when `close` was called. */
  #ended = 0
  #isGivingUp = false

  static {
    voiceOf = (tasks) => tasks.#voice
  }

  /** @throws TypeError or RangeError for an unknown or bad option. */
  constructor(options: TaskQueueOptions = {}) {
    this.#settings = taskSettings(options)
    this.#voice = new Voice(kind.name, options.name)
    this.#desk = new TaskDesk(this.#settings, this.#voice, () => this.#look())
    this.#ending = new Ending(this.#settings.clock, () => this.#giveUp())
  }

  get [ownKind](): Kind {
    return kind
  }

  /** Its path: `/task-queue` as long as it stands alone. */
  get path(): string {
    return this.#voice.path
  }

  /** How many tasks wait for their turn, outside as well. */
  get size(): number {
    return this.#desk.queued + this.#desk.parked
  }

  /** The tasks that run, oldest first. */
  get running(): readonly TaskRow[] {
    const now = this.#settings.clock.now()
    const rows = [...this.#desk.running].map(({ name, begun = now, isOver }) =>
      Object.freeze({ name, ms: Math.round(now - begun), overrunning: isOver }),
    )
    return Object.freeze(rows)
  }

  /** Whether it begins no task for now. */
  get isPaused(): boolean {
    return this.#desk.isPaused
  }

  /**
   * Runs a task in its turn: at once, within this call, where a slot is free. It runs in the async context of this call.
   *
   * @returns what the task brings. It rejects with what that throws; with the reason of `signal` when that aborts, with a
   * {@link TimeoutError} when its time is up, and both at once, though the work may go on; with an {@link EndswellError}
   * `ERR_QUEUE_FULL` where there is no room, `ERR_DROPPED` when it was dropped before it ran, `ERR_ABORTED` when the queue
   * closed; with a ReferenceError (`ERR_CLOSED`) when that has closed before.
   * @throws TypeError or RangeError for bad arguments: at once, not as a rejection.
   */
  add<T>(fn: (context: TaskContext) => T | PromiseLike<T>, options: TaskOptions = {}): Promise<T> {
    checkTask(fn, options)
    if (this.#ending.hasBegun) return Promise.reject(closedError(this.path))
    const { clock, timeout: usual } = this.#settings
    const { name = nameOf(fn), priority = 0, timeout = usual, signal } = options
    const task = new Task<T>(fn, { name, priority, timeout }, clock)
    this.#desk.add(task as Task, signal)
    return task.promise
  }

  /**
   * Resolves when a task would be taken: who awaits it before each `add` keeps to the speed of the tasks. Callers go in
   * order, as many at a time as there is room.
   *
   * @returns a promise that rejects with the signal's reason, with a {@link TimeoutError} after `timeout` ms, with
   * `ERR_QUEUE_FULL` where `maxWaiting` wait already, and with `ERR_CLOSED` when the queue closes.
   */
  room(options: QueueWaitOptions = {}): Promise<void> {
    checkWaitOptions('room', options)
    if (this.#ending.hasBegun) return Promise.reject(closedError(this.path))
    if (options.signal?.aborted) return Promise.reject(options.signal.reason)
    return this.#desk.awaitRoom(options)
  }

  /** Resolves when nothing waits and nothing runs: at once if that is so now. */
  idle(): Promise<void> {
    if (this.#desk.isIdle) return Promise.resolve()
    this.#idle ??= Promise.withResolvers()
    return this.#idle.promise
  }

  /** Begins no task until `resume` is called. Those that run go on. */
  pause(): void {
    if (!this.#ending.hasBegun) this.#desk.pause()
  }

  /** Begins tasks again. */
  resume(): void {
    this.#desk.resume()
  }

  /**
   * Drops all tasks that have not begun: their promises reject with `ERR_DROPPED`. A promise that nobody has looked at is
   * no unhandled rejection.
   *
   * @param reason a word for the error. Default: `clear`.
   * @returns how many were dropped.
   */
  clear(reason = 'clear'): number {
    return this.#desk.clear(reason)
  }

  /** What it does and did. */
  stats(): TaskQueueStats {
    const { counts, running, queued, parked } = this.#desk
    const { concurrency } = this.#settings
    const overrunning = [...running].filter(({ isOver }) => isOver).length
    return Object.freeze({ concurrency, running: running.size, overrunning, queued, parked, ...counts })
  }

  /** Calls `listener` with `queue.pressure`, `item.dropped` and `resource.late`. Returns its undo. */
  subscribe(listener: (event: LifecycleEvent) => void): () => void {
    return this.#voice.subscribe(listener)
  }

  /**
   * Takes no more, and waits until all tasks have ended, also where it was paused. At the deadline those that wait are
   * dropped, those that run are told to stop, and whoever does not within that turn is named in what this resolves to.
   * Never rejects.
   */
  close(options: CloseOptions = {}): Promise<TaskQueueEnd> {
    return this.#ending.by(options, () => {
      const { completed, failed } = this.#desk.counts
      this.#ended = completed + failed
      this.#desk.room.refuse(closedError(this.path))
      // Where there is no time, what was paused is dropped, and not begun to be stopped at once.
      if (options.timeout !== 0) this.#desk.resume()
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  [customInspect](): string {
    return `TaskQueue(${this.path}: ${describe(this)})`
  }

  #look(): void {
    if (!this.#desk.isIdle) return
    this.#idle?.resolve()
    this.#idle = undefined
    if (this.#ending.hasBegun && !this.#isGivingUp) this.#over(0, 0)
  }

  #giveUp(): void {
    if (this.#isGivingUp) return
    this.#isGivingUp = true
    const dropped = this.#desk.clear('close')
    const aborted = this.#desk.abort()
    // What heeds its signal has settled by then.
    soon(() => this.#over(dropped, aborted))
  }

  #over(dropped: number, aborted: number): void {
    const { completed, failed } = this.#desk.counts
    const abandoned = Object.freeze([...this.#desk.running].map(({ name }) => name))
    // Nobody gets their slots any more.
    for (const task of this.#desk.running) task.unlimit()
    this.#voice.over()
    this.#ending.over({ finished: completed + failed - this.#ended, dropped, aborted, abandoned })
  }
}

/** What a function is called in paths. */
function nameOf({ name }: { readonly name: string }): string {
  return name === '' || name.includes('/') ? 'task' : name
}

function describe(tasks: TaskQueue): string {
  const { running, concurrency, queued, parked } = tasks.stats()
  return `${running} of ${concurrency} run, ${queued + parked} wait`
}

const kind = defineOwnKind<TaskQueue>({
  name: 'task-queue',
  voiceOf: (tasks) => voiceOf(tasks),
  describe,
  note: (tasks) => {
    const names = tasks.running.map(({ name }) => name)
    return names.length === 0 ? undefined : `goes on: ${names.slice(0, 10).join(', ')}`
  },
  goesOn: (tasks) => tasks.running.length > 0,
})
