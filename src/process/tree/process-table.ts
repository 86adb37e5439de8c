/** A process, as it was seen at one moment. */
export interface Sighting {
  readonly pid: number
  /** The process that started it, or the one that has adopted it since. */
  readonly parent: number
  /** The number of its process group, which is the pid of the process that founded it. */
  readonly group: number
  /** The number of its session; 0 where that cannot be known. A group never spans two. */
  readonly session: number
  /** One letter, as `ps` has it: `R` runs, `S` and `D` sleep, `T` is stopped, `Z` and `X` are dead. */
  readonly state: string
  /** When it was started, in a form that only compares: a process that got the number of another has another. */
  readonly born: string
  /** Its program, as the system names it: often cut short. */
  readonly name: string
}

/** What is known, now or soon. */
export type Soon<T> = T | Promise<T>

/** Where processes can be seen and signalled. A test has one of its own. */
export interface ProcessTable {
  /** Whether a look takes a turn or more, so that nothing can be told at once. */
  readonly slow?: boolean
  /** Whether a signal to a process also reaches what it has started. */
  readonly wholeTrees?: boolean
  /** Every process there is. */
  all(): Soon<readonly Sighting[]>
  /** Those of some that exist, seen afresh. */
  some(pids: readonly number[]): Soon<readonly Sighting[]>
  /** The pids of those whose environment was given exactly this entry, `NAME=value`; none where that cannot be known. */
  marked(marker: string, among: readonly Sighting[]): readonly number[]
  /** Sends a signal, or with 0 asks whether it could: to a process, or to a group by its negative number. Throws as `process.kill`. */
  signal(pid: number, signal: NodeJS.Signals | 0): void
}

/** Whether a process is more than an entry that its parent has not read yet. */
export function isLiving({ state }: Sighting): boolean {
  return state !== 'Z' && state !== 'X'
}

/** Goes on with what is known: at once, if it is. So what can be done in one turn is. */
export function whenKnown<T, R>(value: Soon<T>, next: (value: T) => Soon<R>): Soon<R> {
  return value instanceof Promise ? value.then(next) : next(value)
}

/** Rows by their number. */
export function byPid(rows: readonly Sighting[]): ReadonlyMap<number, Sighting> {
  return new Map(rows.map((row) => [row.pid, row]))
}

/** Whether there is anybody to signal, zombies included: a process or, by a negative number, a group. */
export function answerOf(table: ProcessTable, to: number): 'yes' | 'refused' | 'none' {
  try {
    table.signal(to, 0)
    return 'yes'
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? 'refused' : 'none'
  }
}
