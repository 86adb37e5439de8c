import type { ChildProcess } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import type { ProcessTable, Sighting } from '../../../src/process/tree/process-table.ts'
import { FakeClock } from '../../../src/testing/fake-clock.ts'

/** How a process takes what is done to it. */
export interface Nature {
  /** How many ms after the gentle signal it is dead. Default: never. */
  readonly obeys?: number
  /** What it starts when it gets that signal. */
  readonly forksWhenAsked?: Nature & Place
  /** What it starts right before it dies of that signal. */
  readonly forksDying?: Nature & Place
  /** It waits for a disk: nothing ends it. */
  readonly stuck?: boolean
  /** It is another user's. */
  readonly denied?: boolean
  /** Its children stay zombies when they die. */
  readonly neglects?: boolean
}

/** Where a process is. */
export interface Place {
  /** Whether it leads a `group` or a `session` of its own. Default: it is in its parent's. */
  readonly leads?: 'group' | 'session'
  readonly marker?: string
}

/** A process of the simulated system. */
export interface Fake extends Sighting {
  parent: number
  group: number
  session: number
  state: string
  readonly nature: Nature
  readonly marker: string | undefined
  /** Whether the gentle signal waits until it is continued. */
  pending: boolean
}

/** A signal that reached a process. */
export interface Hit {
  readonly who: Fake
  readonly signal: NodeJS.Signals
  readonly at: number
}

const refuse = (code: string) => Object.assign(new Error(`kill ${code}`), { code })

/**
 * A small system of processes, whose time is a fake clock's: they start others, obey or ignore signals, move, die, and
 * have their numbers given to strangers.
 */
export class FakeTable implements ProcessTable {
  readonly clock = new FakeClock()
  readonly processes = new Map<number, Fake>()
  readonly hits: Hit[] = []
  /** How often everybody was looked at. */
  looks = 0
  /** Called whenever a number becomes free. */
  onFree: (pid: number) => void = () => {}
  readonly #children = new Map<number, FakeChild>()
  #next = 10_000
  #births = 0

  constructor() {
    this.#add({ pid: 1, parent: 0, group: 1, session: 1, nature: {}, marker: undefined })
    this.#add({ pid: process.pid, parent: 1, group: 900, session: 900, nature: {}, marker: undefined })
  }

  get self(): Fake {
    return this.get(process.pid)
  }

  get(pid: number): Fake {
    const found = this.processes.get(pid)
    if (found === undefined) throw new Error(`the simulated system has no process ${pid}`)
    return found
  }

  lives(who: Fake): boolean {
    return this.processes.get(who.pid) === who && who.state !== 'Z'
  }

  #add(made: Pick<Fake, 'pid' | 'parent' | 'group' | 'session' | 'nature' | 'marker'>): Fake {
    this.#births += 1
    const fake = { ...made, state: 'S', born: `${this.#births}`, name: `p${made.pid}`, pending: false }
    this.processes.set(fake.pid, fake)
    return fake
  }

  /** Starts a process. */
  fork(parent: Fake, { leads, marker, ...nature }: Nature & Place = {}, pid = this.#next++): Fake {
    const group = leads === undefined ? parent.group : pid
    const session = leads === 'session' ? pid : parent.session
    return this.#add({ pid, parent: parent.pid, group, session, nature, marker: marker ?? parent.marker })
  }

  /** Starts a process as a child of this one, as Node shows it. */
  spawn(nature: Nature & Place = {}): { readonly fake: Fake; readonly child: ChildProcess } {
    const fake = this.fork(this.self, nature)
    const child = new FakeChild(fake.pid, (signal) => this.signal(fake.pid, signal))
    this.#children.set(fake.pid, child)
    return { fake, child: child as unknown as ChildProcess }
  }

  /** Gives a free number to a stranger; not one that a group or a session still has. */
  reuse(pid: number): Fake | undefined {
    const isTaken = [...this.processes.values()].some((each) => [each.pid, each.group, each.session].includes(pid))
    return isTaken ? undefined : this.fork(this.get(1), {}, pid)
  }

  /** It leaves its group, and its session too. */
  move(who: Fake, leads: 'group' | 'session'): void {
    who.group = who.pid
    if (leads === 'session') who.session = who.pid
  }

  die(who: Fake): void {
    if (!this.lives(who)) return
    for (const each of [...this.processes.values()]) {
      if (each.parent !== who.pid) continue
      each.parent = 1
      if (each.state === 'Z') this.reap(each)
    }
    who.state = 'Z'
    const parent = this.processes.get(who.parent)
    if (parent === undefined || !parent.nature.neglects) this.reap(who)
  }

  /** Its parent has read that it is dead. */
  reap(who: Fake): void {
    this.processes.delete(who.pid)
    this.#children.get(who.pid)?.exit()
    this.#children.delete(who.pid)
    this.onFree(who.pid)
  }

  all(): readonly Sighting[] {
    this.looks += 1
    return [...this.processes.values()].map((each) => ({ ...each }))
  }

  some(pids: readonly number[]): readonly Sighting[] {
    return pids.map((pid) => this.processes.get(pid)).flatMap((each) => (each === undefined ? [] : [{ ...each }]))
  }

  marked(marker: string): readonly number[] {
    return [...this.processes.values()].filter((each) => each.marker === marker).map(({ pid }) => pid)
  }

  signal(to: number, signal: NodeJS.Signals | 0): void {
    const reached = [...this.processes.values()].filter((each) => (to > 0 ? each.pid === to : each.group === -to))
    if (reached.length === 0) throw refuse('ESRCH')
    const allowed = reached.filter(({ nature }) => !nature.denied)
    if (allowed.length === 0) throw refuse('EPERM')
    if (signal !== 0) for (const each of allowed) this.#take(each, signal)
  }

  #take(who: Fake, signal: NodeJS.Signals): void {
    this.hits.push({ who, signal, at: this.clock.now() })
    if (!this.lives(who)) return
    if (signal === 'SIGKILL') {
      if (!who.nature.stuck) this.die(who)
    } else if (signal === 'SIGSTOP') who.state = 'T'
    else if (signal === 'SIGCONT') {
      who.state = 'S'
      if (who.pending) this.#obey(who)
    } else if (who.state === 'T') who.pending = true
    else this.#obey(who)
  }

  #obey(who: Fake): void {
    const { obeys, forksWhenAsked, forksDying } = who.nature
    if (forksWhenAsked !== undefined) this.fork(who, forksWhenAsked)
    if (obeys === undefined) return
    this.clock.setTimeout(() => {
      if (!this.lives(who)) return
      if (who.state === 'T') who.pending = true
      else {
        if (forksDying !== undefined) this.fork(who, forksDying)
        this.die(who)
      }
    }, obeys)
  }

  /** Lets time pass, ms by ms, and all be seen that can be. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed++) {
      await this.clock.advance(1)
      await settled()
    }
  }

  /** The signals that a process got, in order. */
  got(who: Fake): readonly NodeJS.Signals[] {
    return this.hits.filter((hit) => hit.who === who).map(({ signal }) => signal)
  }
}

/** Lets turns go by in which looks at everybody are taken. */
export async function settled(): Promise<void> {
  for (let turns = 0; turns < 6; turns++) await turn()
}

/** The same system, seen as through `ps`: each look takes a turn. */
export function slowly(table: FakeTable): ProcessTable {
  return {
    slow: true,
    all: () => turn().then(() => table.all()),
    some: (pids) => turn().then(() => table.some(pids)),
    marked: () => [],
    signal: (pid, signal) => table.signal(pid, signal),
  }
}

class FakeChild extends EventEmitter {
  readonly pid: number
  readonly stdio = []
  exitCode: number | null = null
  readonly signalCode = null
  readonly #signal: (signal: NodeJS.Signals) => void

  constructor(pid: number, signal: (signal: NodeJS.Signals) => void) {
    super()
    this.pid = pid
    this.#signal = signal
  }

  kill(signal: NodeJS.Signals): boolean {
    this.#signal(signal)
    return true
  }

  exit(): void {
    this.exitCode = 0
    this.emit('exit', 0, null)
  }
}
