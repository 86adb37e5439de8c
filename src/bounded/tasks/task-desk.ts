import type PQueue from 'p-queue'
import { builtin } from '../../lifecycle/builtin.ts'
import { soon } from '../../lifecycle/clock.ts'
import type { Voice } from '../../lifecycle/voice.ts'
import { Line } from '../jobs/line.ts'
import { Pressure } from '../queue/pressure.ts'
import type { QueueWaitOptions } from '../queue/queue-options.ts'
import { WaitLine } from '../queue/wait-line.ts'
import { loadQueue } from './load-queue.ts'
import { SharedSignals } from './shared-signals.ts'
import type { Task } from './task.ts'
import { dropped, queueFull, stopped, timeIsUp, tooManyWaiting } from './task-errors.ts'
import type { TaskSettings } from './task-options.ts'
import { TaskCounts } from './task-stats.ts'

/** Which count a task that is stopped belongs to. */
type Stopped = 'timedOut' | 'aborted' | 'dropped'

/** Where tasks wait and run. The queue proper is a `p-queue`, whose slot is kept until the work of a task has settled. */
export class TaskDesk {
  readonly counts = new TaskCounts()
  /** Those that run in a slot. */
  readonly running = new Set<Task>()
  /** Callers who wait for room. */
  readonly room: WaitLine<undefined, void>
  readonly #settings: TaskSettings
  readonly #voice: Voice
  readonly #changed: () => void
  readonly #queue: PQueue
  /** All that have not begun, in the queue or outside. */
  readonly #waiting = new Set<Task>()
  /** Those that wait outside. */
  readonly #parked = new Line<Task>()
  readonly #signals = new SharedSignals()
  readonly #pressure: Pressure
  #isWaking = false

  /** @param changed told when a task has left. */
  constructor(settings: TaskSettings, voice: Voice, changed: () => void) {
    const { concurrency, maxQueued, clock } = settings
    this.#settings = settings
    this.#voice = voice
    this.#changed = changed
    this.#queue = new (loadQueue())({ concurrency })
    this.room = new WaitLine(clock)
    const high = Math.ceil(0.8 * maxQueued)
    const low = Math.min(high - 1, Math.floor(0.5 * maxQueued))
    this.#pressure = new Pressure(high, low, (state) => {
      if (voice.isHeard('queue.pressure')) voice.tell('queue.pressure', { state })
    })
  }

  get queued(): number {
    return this.#queue.size
  }

  get parked(): number {
    return this.#parked.size
  }

  get isPaused(): boolean {
    return this.#queue.isPaused
  }

  /** Whether a task that comes now would be refused, or wait outside. */
  get isFull(): boolean {
    return this.#queue.size >= this.#settings.maxQueued
  }

  get isIdle(): boolean {
    return this.#waiting.size === 0 && this.running.size === 0
  }

  get #canStart(): boolean {
    const { size, pending, concurrency, isPaused } = this.#queue
    return !isPaused && size === 0 && pending < concurrency
  }

  /** Takes a task in, has it wait outside, or refuses it. */
  add(task: Task, signal: AbortSignal | undefined): void {
    if (signal?.aborted) {
      this.counts.aborted += 1
      return task.fail(signal.reason)
    }
    const { overflow, maxWaiting, queueTimeout } = this.#settings
    // Room that somebody outside has not come into yet is his.
    const isFull = this.isFull || this.#parked.size > 0
    if (isFull && (overflow === 'reject' || this.#parked.size >= maxWaiting)) {
      this.counts.refused += 1
      return task.fail(queueFull(this.#voice.path, task.name, this.queued))
    }
    this.counts.added += 1
    if (signal !== undefined) task.unlink = this.#signals.on(signal, () => this.stop(task, signal.reason, 'aborted'))
    this.#waiting.add(task)
    if (isFull) this.#park(task)
    else this.#enter(task)
    if (task.begun === undefined && !task.isOver) task.limit(queueTimeout, () => this.#expire(task, queueTimeout))
    this.#look()
  }

  /** Ends the wait for a task, and the task itself if it has not begun. One that runs keeps its slot. */
  stop(task: Task, error: unknown, as: Stopped): void {
    if (task.isOver) return
    this.#end(task, error, as)
    if (task.begun !== undefined) task.limit(this.#settings.abortGrace, () => this.#abandon(task))
    // Only before it runs: after that the queue would take it for the end of the work, and give its slot away.
    else task.exit?.abort(error)
    this.#look()
  }

  /** Drops all that have not begun. Says how many that were. */
  clear(reason: string): number {
    const all = [...this.#waiting]
    for (const task of all) {
      // Who has dropped it knows: a promise that nobody has looked at ends no process.
      task.promise.catch(() => {})
      this.#end(task, dropped(this.#voice.path, task.name, reason), 'dropped')
    }
    this.#queue.clear()
    this.#look()
    // Only now that all are out: who listens may add the next.
    for (const { name: item } of all) {
      if (this.#voice.isHeard('item.dropped')) this.#voice.tell('item.dropped', { item, reason })
    }
    return all.length
  }

  /** Tells all that run to stop. Says how many that were. */
  abort(): number {
    const told = [...this.running].filter((task) => !task.isOver)
    for (const task of told) {
      task.promise.catch(() => {})
      this.stop(task, stopped(this.#voice.path, task.name), 'aborted')
    }
    return told.length
  }

  /** Resolves when there is room, in order of coming. */
  awaitRoom(options: QueueWaitOptions): Promise<void> {
    if (!this.isFull && this.room.size === 0) return Promise.resolve()
    const { path } = this.#voice
    if (this.room.size < this.#settings.maxWaiting) return this.room.wait(undefined, options, path, 'It was full.')
    return Promise.reject(tooManyWaiting(path))
  }

  pause(): void {
    this.#queue.pause()
  }

  resume(): void {
    this.#queue.start()
    this.#look()
  }

  #end(task: Task, error: unknown, as: Stopped): void {
    this.counts[as] += 1
    this.#waiting.delete(task)
    if (task.place !== undefined) this.#parked.remove(task.place)
    task.place = undefined
    task.stop(error)
  }

  #park(task: Task): void {
    // The queue keeps the context of who calls it, which will be somebody else then.
    task.inContext = builtin('node:async_hooks').AsyncLocalStorage.snapshot()
    task.place = this.#parked.push(task)
  }

  #enter(task: Task): void {
    const { priority } = task
    // Only for those that may have to leave by themselves: it costs as much as all the rest.
    const mayLeave = task.unlink !== undefined || this.#settings.queueTimeout !== Number.POSITIVE_INFINITY
    const options = { priority, ...(this.#canStart || !mayLeave ? {} : { signal: this.#exitOf(task) }) }
    // It rejects for who leaves it, and that one knows why.
    this.#queue.add(() => this.#run(task), options).catch(() => {})
    this.counts.highWater = Math.max(this.counts.highWater, this.#queue.size)
  }

  #exitOf(task: Task): AbortSignal {
    task.exit = new AbortController()
    return task.exit.signal
  }

  /** Runs a task. The promise is the slot: it settles when the work has, whoever still waits for it. */
  #run(task: Task): Promise<void> {
    if (task.isOver) return Promise.resolve()
    const { clock } = this.#settings
    const slot = Promise.withResolvers<void>()
    task.leave = () => {
      if (this.running.delete(task)) slot.resolve()
    }
    this.#waiting.delete(task)
    this.running.add(task)
    task.limit(task.timeout, () => this.#expire(task, task.timeout))
    task.work(clock.now()).then(
      (value) => this.#settled(task, () => task.succeed(value), 'completed', {}),
      (error) => this.#settled(task, () => task.fail(error), 'failed', { error }),
    )
    this.#look()
    return slot.promise
  }

  #settled(task: Task, tell: () => void, as: 'completed' | 'failed', more: { error?: unknown }): void {
    const isLate = task.isOver
    this.counts[isLate ? 'late' : as] += 1
    task.unlimit()
    task.leave?.()
    if (!isLate) tell()
    else if (this.#voice.isHeard('resource.late')) {
      const ms = Math.round(this.#settings.clock.now() - (task.begun ?? 0))
      this.#voice.tell('resource.late', { item: task.name, ms, ...more })
    }
    this.#look()
  }

  /** It was told to stop, and goes on: another one gets its slot. */
  #abandon(task: Task): void {
    this.counts.abandoned += 1
    task.leave?.()
    this.#look()
  }

  #expire(task: Task, timeout: number): void {
    const now = this.#settings.clock.now()
    this.stop(task, timeIsUp(this.#voice.path, task, timeout, now), 'timedOut')
  }

  /** Something has changed: who waits outside may come in, and who asked is told. */
  #look(): void {
    while (this.#parked.size > 0 && !this.isFull) {
      const task = this.#parked.shift() as Task
      task.place = undefined
      this.#enter(task)
    }
    this.#pressure.set(this.#queue.size)
    if (!this.#isWaking) this.#wake()
    this.#changed()
  }

  /** As many callers are told of room as there is, and the next ones if those have not used it by the next turn. */
  #wake(): void {
    this.#isWaking = false
    if (this.isFull || this.#parked.size > 0) return
    const free = Math.max(1, this.#settings.maxQueued - this.#queue.size)
    for (let left = free; left > 0 && this.room.size > 0; left -= 1) this.room.shift()?.resolve()
    if (this.room.size === 0) return
    this.#isWaking = true
    soon(() => this.#wake())
  }
}
