import type { Debugger } from 'node:inspector'
import type { Clock } from '../../lifecycle/clock.ts'
import type { Frame } from '../../lifecycle/frame.ts'
import { framesOf, type Script } from '../../lifecycle/frames.ts'
import type { Evidence, Tallies } from './evidence.ts'
import type { InspectorMessage, WorkerLine } from './worker-inspector.ts'

/** How often, in ms, it is looked whether what is waited for has come. */
const LOOK = 10
/** How many ms of one look count: with more, nobody ran for a while, and the thread neither. */
const COUNTED = 50
/** How many ms a thread gets to stop: in native code it never does. One that does something then may be on its way. */
const NATIVE = 2_000
const BUSY_NATIVE = 6_000
/** How many ms of a core it must have wanted for that. */
const STIRRED = 0.5
/** For how many ms it is watched after it was stopped. */
const AFTER = 100
/** Through how many steps of Node's own code a thread is led on. */
const STEPS = 64
/** What stands where a thread is stopped in `Atomics.wait`. */
const WAIT = /^wait\b/

/** Who is examined. */
export interface Subject {
  /** Whether it has beaten since it was taken for silent: then it is left in peace. */
  hasMoved(): boolean
  /** An expression that has it count, as soon as it comes round to its microtasks. */
  readonly probe: string
  tallies(): Tallies
  /** How many ms of a core it has wanted so far; `undefined` where nobody knows. */
  cpu(): number | undefined
  /** Whether it would run if a core were free. */
  isRunnable(): boolean
}

/** What has been found: the evidence, and the stack where there is one. `undefined` evidence: it has moved. */
export interface Finding {
  readonly evidence: Evidence | undefined
  readonly frames: readonly Frame[]
}

/** Stops a thread in the midst of what it runs, looks, and lets it go on. Nothing is left of it in the thread. */
export class Examination {
  readonly #line: WorkerLine
  readonly #subject: Subject
  readonly #clock: Clock
  readonly #scripts = new Map<string, Script>()
  #stack: readonly Debugger.CallFrame[] | undefined = undefined
  #enabling = 0
  #asking = 0
  #source: string | undefined = undefined
  #state: 'joining' | 'joined' | 'stopping' | 'resumed' = 'joining'
  #steps = STEPS

  constructor(line: WorkerLine, subject: Subject, clock: Clock) {
    this.#line = line
    this.#subject = subject
    this.#clock = clock
    line.listen((message) => this.#hear(message))
  }

  async make(): Promise<Finding> {
    try {
      return await this.#make()
    } finally {
      // It also undoes a stop that was asked for and has not come, wherever the thread is.
      this.#line.post('Debugger.disable')
    }
  }

  async #make(): Promise<Finding> {
    const { hasMoved } = this.#subject
    const stopped = (): boolean => this.#stack !== undefined
    const { cpu } = this.#subject
    const used = cpu()
    this.#enabling = this.#line.post('Debugger.enable')
    const isNear = (): boolean => this.#state !== 'joining' || hasMoved()
    let answered = await this.#until(isNear, NATIVE)
    if (!answered && (cpu() ?? 0) - (used ?? 0) > STIRRED) answered = await this.#until(isNear, BUSY_NATIVE - NATIVE)
    // Who joins is told at once, before all else, that it has been stopped already: by a person's breakpoint.
    if (stopped()) return nothing('debugged')
    if (hasMoved()) return moved
    if (!answered) return nothing('native')
    this.#state = 'stopping'
    this.#line.post('Debugger.pause')
    await this.#until(() => stopped() || hasMoved(), NATIVE)
    if (stopped()) return await this.#look(this.#stack ?? [])
    return hasMoved() ? moved : nothing('native')
  }

  async #look(stack: readonly Debugger.CallFrame[]): Promise<Finding> {
    const { hasMoved, probe } = this.#subject
    const { turns } = this.#subject.tallies()
    const location = stack[0]?.location
    if (location !== undefined) this.#asking = this.#line.post('Debugger.getScriptSource', location)
    this.#line.post('Runtime.evaluate', { expression: probe, silent: true })
    this.#line.post('Debugger.resume')
    await this.#until(() => this.#state === 'resumed', NATIVE)
    const before = this.#subject.tallies()
    const used = this.#subject.cpu()
    await this.#until(() => false, AFTER)
    if (hasMoved()) return moved
    const { now } = this.#subject.tallies()
    const usedNow = this.#subject.cpu()
    const isNow = this.#subject.isRunnable()
    const evidence: Evidence = {
      stop: 'stopped',
      waits: location !== undefined && WAIT.test(after(this.#source ?? '', location)),
      cpu: used === undefined || usedNow === undefined ? undefined : isNow ? 1 : (usedNow - used) / (now - before.now),
      tallies: { ...before, turns },
    }
    return { evidence, frames: framesOf(stack, this.#scripts) }
  }

  #hear({ id, method, params, result }: InspectorMessage): void {
    if (id !== undefined && id === this.#enabling) this.#state = 'joined'
    else if (id !== undefined && id === this.#asking) this.#source = (result as { scriptSource?: string }).scriptSource
    else if (method === 'Debugger.scriptParsed') this.#learn(params as Debugger.ScriptParsedEventDataType)
    else if (method === 'Debugger.paused') this.#stopped((params as Debugger.PausedEventDataType).callFrames)
    else if (method === 'Debugger.resumed' && this.#stack !== undefined) this.#state = 'resumed'
  }

  #learn({ scriptId, url, sourceMapURL }: Debugger.ScriptParsedEventDataType): void {
    this.#scripts.set(scriptId, { url, map: sourceMapURL || undefined })
  }

  /**
   * Where it stands between two functions of the application, nobody could name them: so it is led on through Node's own
   * code to the next of them.
   */
  #stopped(stack: readonly Debugger.CallFrame[]): void {
    const isOurs = this.#state === 'stopping'
    if (isOurs && this.#steps > 0 && !stack.some(({ location }) => this.#isForeign(location))) {
      this.#steps -= 1
      this.#line.post('Debugger.stepInto')
    } else this.#stack ??= stack
  }

  #isForeign({ scriptId }: Debugger.Location): boolean {
    return this.#scripts.get(scriptId)?.url.startsWith('node:') === false
  }

  /** Waits for that, but only so many ms. The timer keeps nothing alive. */
  async #until(condition: () => boolean, patience: number): Promise<boolean> {
    for (let left = patience; !condition(); ) {
      if (left <= 0) return false
      const since = this.#clock.now()
      await new Promise<void>((resolve) => void this.#clock.setTimeout(resolve, LOOK).unref())
      left -= Math.min(this.#clock.now() - since, COUNTED)
    }
    return true
  }
}

function nothing(stop: 'native' | 'debugged'): Finding {
  return { evidence: { stop }, frames: [] }
}

/** What the source says from there on, as far as it need be known. */
function after(source: string, { lineNumber, columnNumber = 0 }: Debugger.Location): string {
  return source.split('\n', lineNumber + 1)[lineNumber]?.slice(columnNumber, columnNumber + 8) ?? ''
}

/** It was only slow. */
const moved: Finding = { evidence: undefined, frames: [] }
