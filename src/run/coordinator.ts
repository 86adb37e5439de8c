import type { Worker } from 'node:worker_threads'
import { soon, systemClock } from '../lifecycle/clock.ts'
import { say } from '../lifecycle/say.ts'
import { type End, graver, statusOfEnd } from './exit-status.ts'
import { onStop, type StopSignal, statusOf } from './signals.ts'
import { wayOut, workersMayLive } from './way-out.ts'

/** A signal of the same name within so many ms is the same key press: npm passes on what the terminal has sent. */
const SAME_PRESS = 100
/** The signal that always ends the process. */
const LAST_SIGNAL = 3

/**
 * One run, as the process's coordinator knows it. This is protocol 1: copies of this package that were installed twice
 * meet here, so its members keep their meaning; what is added must be optional.
 */
export interface Participant {
  readonly signals: readonly StopSignal[]
  /** Whether errors, an empty event loop and `process.exit()` are its affair, and the process ends with it. */
  readonly exits: boolean
  /** The `nth` of its signals, from 1. Says whether the process is to exit at once. */
  signalled(signal: StopSignal, nth: number): boolean
  /** An error that nothing caught. */
  failed(error: unknown): void
  /** The event loop is empty. */
  idle(): void
  /** Paths of what is open, for the last line of a process that exits all the same. */
  open(): readonly string[]
}

/**
 * Stands between the process and its runs: one listener per signal however many runs there are, and one exit, when the
 * last of them has ended. The application's own listeners are left alone.
 */
export class Coordinator {
  /** The runs, and how many signals each has been told of. */
  readonly #participants = new Map<Participant, number>()
  readonly #undo = new Map<string, () => void>()
  readonly #workers = new Set<unknown>()
  #press: { signal: StopSignal; at: number } | undefined = undefined
  #end: End | undefined = undefined

  /** Adds a run. */
  join(participant: Participant): void {
    // Workers that began before this listens to them are not to be found any more: there may be one.
    if (this.#undo.size === 0 && workersMayLive()) this.#workers.add('unknown')
    this.#participants.set(participant, 0)
    for (const event of eventsOf(participant)) {
      if (!this.#undo.has(event)) this.#undo.set(event, this.#listen(event))
    }
  }

  /** Takes a run out that has ended, and the listeners that no other wants. With the last one the process exits. */
  leave(participant: Participant, end: End): void {
    if (!this.#participants.delete(participant)) return
    if (participant.exits) this.#end = graver(this.#end, end)
    const last = this.#participants.size > 0 ? undefined : this.#end
    if (last === undefined) return this.#tidy()
    // A process that exits keeps its listeners: a signal that comes now must not end it in another way.
    this.#end = undefined
    // One more turn, so that whoever awaits the run sees its report before the process is gone.
    const abandoned = last.ending === 'abandoned'
    soon(() => wayOut(statusOfEnd(last, process.exitCode), { abandoned, workers: this.#workers.size }))
  }

  /** Takes the listeners off that no run wants any more. */
  #tidy(): void {
    const wanted = new Set([...this.#participants.keys()].flatMap(eventsOf))
    for (const event of this.#undo.keys()) if (!wanted.has(event)) this.#unlisten(event)
  }

  /** Takes every listener off the process. The runs go on, but only they themselves can end them now. */
  uninstall(): void {
    for (const event of this.#undo.keys()) this.#unlisten(event)
  }

  #listen(event: string): () => void {
    if (event === 'uncaughtException') return on(event, (error: unknown) => this.#failed(error))
    if (event === 'beforeExit') return on(event, () => this.#idle())
    if (event === 'worker') return on(event, (worker: Worker) => this.#count(worker))
    if (event === 'exit') return on(event, (status: number) => this.#lastWords(`exits with status ${status}`))
    const signal = event as StopSignal
    return onStop(signal, () => this.#signalled(signal))
  }

  /** A worker that lives can hold up the exit, whoever has started it. */
  #count(worker: Worker): void {
    this.#workers.add(worker)
    worker.once('exit', () => this.#workers.delete(worker))
  }

  #unlisten(event: string): void {
    this.#undo.get(event)?.()
    this.#undo.delete(event)
  }

  #signalled(signal: StopSignal): void {
    const at = systemClock.now()
    if (this.#press?.signal === signal && at - this.#press.at < SAME_PRESS) return
    this.#press = { signal, at }
    const exits = [...this.#participants.keys()].map((participant) => this.#tell(participant, signal))
    if (!exits.includes(true)) return
    this.#lastWords(`exits, since ${signal} came again,`)
    this.uninstall()
    wayOut(statusOf(signal), { abandoned: true, workers: this.#workers.size })
  }

  /** Says whether the process is to exit at once. */
  #tell(participant: Participant, signal: StopSignal): boolean {
    const before = this.#participants.get(participant) ?? 0
    // A parent that goes after it has asked us to stop does not ask again.
    if (!participant.signals.includes(signal) || (signal === 'disconnect' && before > 0)) return false
    this.#participants.set(participant, before + 1)
    return participant.signalled(signal, before + 1) || before + 1 >= LAST_SIGNAL
  }

  #failed(error: unknown): void {
    for (const participant of this.#participants.keys()) if (participant.exits) participant.failed(error)
  }

  #idle(): void {
    for (const participant of this.#participants.keys()) if (participant.exits) participant.idle()
  }

  /** Paths of what is open in all runs. */
  open(): readonly string[] {
    return [...this.#participants.keys()].flatMap((participant) => participant.open())
  }

  /** In step, since nothing that waits would be heard any more. */
  #lastWords(what: string): void {
    const open = this.open()
    if (open.length > 0) say(`endswell: the process ${what} while these are open: ${open.join(', ')}\n`)
  }
}

function eventsOf({ signals, exits }: Participant): readonly string[] {
  return exits ? [...signals, 'uncaughtException', 'beforeExit', 'exit', 'worker'] : signals
}

function on(event: 'uncaughtException' | 'beforeExit' | 'exit' | 'worker', listener: (arg: never) => void): () => void {
  process.on(event as 'exit', listener as () => void)
  return () => void process.off(event as 'exit', listener as () => void)
}

const key = Symbol.for('endswell.coordinator.1')

/** The coordinator of this process, shared by all copies of this package that speak its protocol. */
export function coordinator(): Coordinator {
  const home = globalThis as { [key]?: Coordinator }
  home[key] ??= new Coordinator()
  return home[key]
}
