import { writeSync } from 'node:fs'
import { type Ending, graver } from './exit-status.ts'
import { onStop, type StopSignal, statusOf } from './signals.ts'

/**
 * One run, as the process's coordinator knows it. This is protocol 1: copies of this package that were installed twice
 * meet here, so its members keep their meaning; what is added must be optional.
 */
export interface Participant {
  readonly signals: readonly StopSignal[]
  /** Whether errors, an empty event loop and `process.exit()` are its affair, and the process ends with it. */
  readonly exits: boolean
  /** The `nth` signal since the first. Says whether the process is to exit at once. */
  signalled(signal: StopSignal, nth: number): boolean
  /** An error that nothing caught. */
  failed(error: unknown): void
  /** The event loop is empty. */
  idle(): void
  /** Paths of what is open, for the last line of a process that exits all the same. */
  open(): readonly string[]
}

/** How a participant ended. */
export interface End {
  readonly ending: Ending
  readonly status: number
}

/**
 * Stands between the process and its runs: one listener per signal however many runs there are, and one exit, when the
 * last of them has ended. The application's own listeners are left alone.
 */
export class Coordinator {
  readonly #participants = new Set<Participant>()
  readonly #undo = new Map<string, () => void>()
  #stops = 0
  #end: End | undefined = undefined

  /** Adds a run. From its first signal on, one that comes later is told of none that came before. */
  join(participant: Participant): void {
    this.#participants.add(participant)
    for (const signal of participant.signals) this.#on(signal, () => onStop(signal, () => this.#signalled(signal)))
    if (!participant.exits) return
    this.#on('uncaughtException', () => on('uncaughtException', (error: unknown) => this.#failed(error)))
    this.#on('beforeExit', () => on('beforeExit', () => this.#idle()))
    this.#on('exit', () => on('exit', (status: number) => this.#exiting(status)))
  }

  /** Takes a run out that has ended. With the last one the listeners go, and the process exits. */
  leave(participant: Participant, end: End): void {
    if (!this.#participants.delete(participant)) return
    if (participant.exits) this.#end = graver(this.#end, end)
    if (this.#participants.size > 0) return
    this.uninstall()
    const last = this.#end
    this.#end = undefined
    this.#stops = 0
    // One more turn, so that whoever awaits the run sees its report before the process is gone.
    if (last !== undefined) setImmediate(() => process.exit(this.#statusOf(last)))
  }

  /** Takes every listener off the process. The runs go on, but only they themselves can end them now. */
  uninstall(): void {
    for (const undo of this.#undo.values()) undo()
    this.#undo.clear()
  }

  #statusOf({ ending, status }: End): number {
    return ending === 'closed' && process.exitCode !== undefined ? Number(process.exitCode) : status
  }

  #on(event: string, install: () => () => void): void {
    if (!this.#undo.has(event)) this.#undo.set(event, install())
  }

  #signalled(signal: StopSignal): void {
    this.#stops += 1
    const told = [...this.#participants].filter(({ signals }) => signals.includes(signal))
    const exits = told.map((participant) => participant.signalled(signal, this.#stops))
    if (this.#stops < 3 && !exits.includes(true)) return
    this.#lastWords(`${signal} came again, so it exits at once`)
    this.uninstall()
    process.exit(statusOf(signal))
  }

  #failed(error: unknown): void {
    for (const participant of this.#participants) if (participant.exits) participant.failed(error)
  }

  #idle(): void {
    for (const participant of this.#participants) if (participant.exits) participant.idle()
  }

  #exiting(status: number): void {
    this.#lastWords(`the process exits with status ${status}`)
  }

  /** In step, since nothing that waits would be heard any more. */
  #lastWords(why: string): void {
    const open = [...this.#participants].flatMap((participant) => participant.open())
    if (open.length > 0) say(`endswell: ${why} while these are open: ${open.join(', ')}\n`)
  }
}

function say(line: string): void {
  try {
    writeSync(2, line)
  } catch {
    // The stream is closed or full, and there is nobody left to tell.
  }
}

function on(event: 'uncaughtException' | 'beforeExit' | 'exit', listener: (arg: never) => void): () => void {
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
