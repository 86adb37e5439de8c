import { type Debugger, Session } from 'node:inspector'
import { systemClock } from '../lifecycle/clock.ts'
import type { Frame } from '../lifecycle/frame.ts'
import { framesOf, type Script } from '../lifecycle/frames.ts'
import { Patience } from './patience.ts'

/** How many ms the main thread gets to stop: in native code it never does. */
const NATIVE = 2_000
/** How many ms a stop that somebody else has brought about gets to be told of. */
const FOREIGN = 50
/** Through how many steps of Node's own code the main thread is led on. */
const STEPS = 64
/** How often, in ms, it is looked whether what is waited for has come. */
const LOOK = 10

/** Why the main thread was not stopped: it is not blocked any more; somebody debugs it; it never came to where it can. */
export type Refusal = 'moves' | 'debugged' | 'native'

/** Stops the main thread in the midst of what it runs, by the inspector. */
export class Arrest {
  readonly #session = new Session()
  readonly #scripts = new Map<string, Script>()
  readonly #moves: () => boolean
  #stack: readonly Debugger.CallFrame[] | undefined = undefined
  #steps = 0

  /** @param moves whether the main thread has moved since it was taken for blocked: then it is left in peace. */
  constructor(moves: () => boolean) {
    this.#moves = moves
    this.#session.on('Debugger.scriptParsed', ({ params: { scriptId, url, sourceMapURL } }) => {
      this.#scripts.set(scriptId, { url, map: sourceMapURL || undefined })
    })
    this.#session.on('Debugger.paused', ({ params }) => this.#stopped(params.callFrames))
  }

  /** Stops it and gives its stack, or says why not; then nothing is left of the attempt. */
  async make(): Promise<Frame[] | Refusal> {
    const refusal = await this.#stop()
    if (refusal === undefined) return framesOf(this.#stack ?? [], this.#scripts)
    // Also where it stops in this very moment: a session that goes lets it go on.
    this.#session.disconnect()
    return refusal
  }

  /** Runs an expression on the stopped main thread, outside its functions: they may have their own `process`. */
  run(expression: string): void {
    this.#session.post('Runtime.evaluate', { expression })
  }

  async #stop(): Promise<Refusal | undefined> {
    const patience = new Patience(NATIVE)
    let enabled = false
    const stopped = (): boolean => this.#stack !== undefined
    this.#session.connectToMainThread()
    this.#session.post('Debugger.enable', () => {
      enabled = true
    })
    if (!(await this.#wait(() => enabled || stopped(), patience))) return this.#moves() ? 'moves' : 'native'
    // Whoever joins is told at once that it has been stopped already, by a person's breakpoint.
    if (await this.#wait(stopped, new Patience(FOREIGN))) return 'debugged'
    this.#steps = STEPS
    this.#session.post('Debugger.pause')
    if (!(await this.#wait(stopped, patience))) return this.#moves() ? 'moves' : 'native'
    return this.#moves() ? 'moves' : undefined
  }

  /**
   * Where it stands between two functions of the application, nobody could name them: where they schedule each other by
   * `process.nextTick`, say. So it is led on through Node's own code to the next of them.
   */
  #stopped(stack: readonly Debugger.CallFrame[]): void {
    if (this.#steps > 0 && !stack.some(({ location }) => this.#isForeign(location))) {
      this.#steps -= 1
      this.#session.post('Debugger.stepInto')
    } else this.#stack = stack
  }

  #isForeign({ scriptId }: Debugger.Location): boolean {
    return this.#scripts.get(scriptId)?.url.startsWith('node:') === false
  }

  /** Waits for that, but only while the main thread does not move. */
  async #wait(condition: () => boolean, patience: Patience): Promise<boolean> {
    while (!condition()) {
      if (patience.left === 0 || this.#moves()) return false
      await pass(LOOK, patience)
    }
    return true
  }
}

/** Lets `ms` pass, in which the thread hears what there is to hear, and counts them. */
export async function pass(ms: number, patience: Patience): Promise<void> {
  const since = systemClock.now()
  await new Promise<void>((resolve) => systemClock.setTimeout(resolve, ms))
  patience.spend(systemClock.now() - since, ms)
}
