import { EventEmitter } from 'node:events'
import { PassThrough } from 'node:stream'
import type { Worker } from 'node:worker_threads'
import { expect } from 'vitest'
import type { Clock, ClockTimer } from '../../../src/lifecycle/clock.ts'
import type { CloseContext, Kind } from '../../../src/lifecycle/kind.ts'
import type { ThreadEnd, ThreadSource } from '../../../src/thread/bridge/thread-source.ts'
import type { CallerHooks } from '../../../src/thread/wire/caller-end.ts'

/** What a call does in a fake thread: the only argument that it is made with. */
export interface Work {
  /** Which call it is. */
  readonly id: number
  /** How many ms it takes. */
  readonly takes: number
  /** Whether the thread does nothing else meanwhile: in JavaScript, where it can be terminated, or in native code. */
  readonly blocks?: 'script' | 'native'
  /** How many ms after it was cancelled it lets go; without it, it does not heed that. */
  readonly heeds?: number
  /** How it ends, if not with a value: it throws, or it takes the thread along. */
  readonly ends?: 'throws' | 'exits' | 'crashes'
}

/** How a fake thread boots: after how many ms it serves; or it fails then, or says nothing. */
export interface Boot {
  readonly after: number
  readonly as?: 'fails' | 'silent'
}

interface Running {
  readonly seq: number
  readonly slot: number
  readonly work: Work
  timer: ClockTimer | undefined
}

type Message = { readonly run: Omit<Running, 'timer'> } | { readonly cancel: number; readonly reason: unknown }

/** A thread that only plays one, on a clock of the test: it begins calls in order, one at a time where they block. */
export class FakeThread extends EventEmitter {
  threadId: number
  readonly stdout = new PassThrough()
  readonly stderr = new PassThrough()
  readonly path: string
  /** Every call whose handler was called, in order. */
  readonly begunCalls: number[] = []
  most = 0
  isRefd = true
  hooks: CallerHooks | undefined
  begun = 0
  readonly #clock: Clock
  readonly #slots: number
  readonly #flags = new Map<number, number>()
  readonly #inbox: Message[] = []
  readonly #running = new Map<number, Running>()
  readonly #timers = new Set<ClockTimer>()
  #blockedBy: Running | undefined = undefined
  #isNative = false

  constructor(path: string, hooks: CallerHooks, clock: Clock, slots: number, threadId: number, boot: Boot) {
    super()
    this.path = path
    this.hooks = hooks
    this.threadId = threadId
    this.#clock = clock
    this.#slots = slots
    if (boot.as !== 'silent')
      this.#after(boot.after, () => (boot.as === 'fails' ? this.crash('boot') : this.hooks?.ready(['work'])))
  }

  ref(): void {
    this.isRefd = true
  }

  unref(): void {
    this.isRefd = false
  }

  post(message: Message): void {
    this.#inbox.push(message)
    this.#after(1, () => this.#turn())
  }

  flag(seq: number, slot: number): void {
    this.#flags.set(slot, seq)
  }

  terminate(): Promise<void> {
    if (this.threadId === -1) return Promise.resolve()
    return new Promise((resolve) => {
      this.once('exit', () => resolve())
      if (!this.#isNative) this.#after(2, () => this.exit(1))
    })
  }

  crash(why: string): void {
    if (this.threadId === -1) return
    this.emit('error', new Error(why))
    this.exit(1)
  }

  exit(code: number): void {
    if (this.threadId === -1) return
    this.threadId = -1
    for (const timer of this.#timers) this.#clock.clearTimeout(timer)
    this.#timers.clear()
    this.emit('exit', code)
  }

  #after(ms: number, fn: () => void): ClockTimer {
    const timer = this.#clock.setTimeout(() => {
      this.#timers.delete(timer)
      if (this.threadId !== -1) fn()
    }, ms)
    this.#timers.add(timer)
    return timer
  }

  #turn(): void {
    while (this.#blockedBy === undefined && this.threadId !== -1) {
      const message = this.#inbox.shift()
      if (message === undefined) return
      if ('run' in message) this.#begin(message.run)
      else this.#cancelled(message.cancel, message.reason)
    }
  }

  #begin({ seq, slot, work }: Omit<Running, 'timer'>): void {
    this.begun = seq
    if (this.#flags.get(slot) === seq) return void this.hooks?.settled(seq, false, new Error('was cancelled'))
    this.begunCalls.push(work.id)
    const running: Running = { seq, slot, work, timer: undefined }
    this.#running.set(seq, running)
    this.most = Math.max(this.most, this.#running.size)
    expect(this.#running.size).toBeLessThanOrEqual(this.#slots)
    if (work.blocks !== undefined) {
      this.#blockedBy = running
      this.#isNative = work.blocks === 'native'
      if (this.#isNative) return
    }
    running.timer = this.#after(work.takes, () => this.#finish(running))
  }

  #finish(running: Running): void {
    const { seq, work } = running
    this.#running.delete(seq)
    if (this.#blockedBy === running) this.#blockedBy = undefined
    if (work.ends === 'exits') return this.exit(0)
    if (work.ends === 'crashes') return this.crash(`crash of ${work.id}`)
    if (work.ends === 'throws') this.hooks?.settled(seq, false, new Error(`thrown by ${work.id}`))
    else this.hooks?.settled(seq, true, work.id)
    this.#turn()
  }

  #cancelled(seq: number, reason: unknown): void {
    const running = this.#running.get(seq)
    if (running?.timer === undefined || running.work.heeds === undefined) return
    this.#clock.clearTimeout(running.timer)
    this.#timers.delete(running.timer)
    running.timer = this.#after(running.work.heeds, () => {
      this.#running.delete(seq)
      this.hooks?.settled(seq, false, reason)
    })
  }
}

/** Threads that only play threads. */
export class FakeThreads implements ThreadSource {
  readonly threads: FakeThread[] = []
  readonly #clock: Clock
  readonly #slots: number
  readonly #boots: readonly Boot[]

  readonly kind: Kind<Worker> = {
    name: 'worker',
    matches: () => false,
    close: (worker: Worker, _context: CloseContext) => worker.terminate(),
    force: (worker: Worker) => worker.terminate(),
    isGone: ({ threadId }: Worker) => threadId === -1,
    onGone: (worker: Worker, leave: () => void) => {
      worker.once('exit', leave)
      return () => void worker.off('exit', leave)
    },
  }

  /** @param boots how its threads boot, in turn and over again. */
  constructor(clock: Clock, slots: number, boots: readonly Boot[] = [{ after: 5 }]) {
    this.#clock = clock
    this.#slots = slots
    this.#boots = boots
  }

  get last(): FakeThread {
    return this.threads.at(-1) as FakeThread
  }

  start(path: string, hooks: CallerHooks): { worker: Worker; end: ThreadEnd } {
    const number = this.threads.length
    const boot = this.#boots[number % this.#boots.length] as Boot
    const thread = new FakeThread(path, hooks, this.#clock, this.#slots, 1_000_000 + number, boot)
    this.threads.push(thread)
    const end: ThreadEnd = {
      get begun() {
        return thread.begun
      },
      dropped: 0,
      send: (seq, slot, _method, [work]) => thread.post({ run: { seq, slot, work: work as Work } }),
      stream: () => {},
      cancel: (seq, slot, reason) => {
        thread.flag(seq, slot)
        thread.post({ cancel: seq, reason })
      },
      credit: () => {},
      consumed: () => {},
      drain: () => {},
      ref: () => {},
      unref: () => {},
      close: () => {
        thread.hooks = undefined
      },
    }
    return { worker: thread as unknown as Worker, end }
  }
}
