import type { ChildProcess } from 'node:child_process'
import { builtin } from '../../lifecycle/builtin.ts'
import { EndswellError } from '../../lifecycle/errors.ts'
import { PROBE, SCRIPT } from './sidecar-script.ts'

/** What it is called in a list of processes. */
const NAME = 'endswell-sidecar'
/** How often one that has died is replaced. */
const REPLACEMENTS = 3

/**
 * A tiny shell beside this process, with one pipe as its standard input. The pipe ends when this process is gone, in
 * whatever way, and then the shell kills the trees that it has been told of. It is started with the first tree, and stays
 * for those to come: to start one anew for each of many short lives would cost as much as they do. Once it is dismissed it
 * ends with the last tree.
 *
 * A tree is told before its leader is started, and no later than that could the pipe end: what the system has forked and
 * not yet made the program that was asked for holds a copy of the pipe.
 *
 * It leads a session of its own, so that no signal to a terminal or a group of ours reaches it, ignores those that ask
 * for an end, holds no stream and no directory of ours, and keeps this process no longer alive.
 */
export class Sidecar {
  readonly #onLost: (error: EndswellError) => void
  readonly #trees = new Set<string>()
  #shell: ChildProcess | undefined = undefined
  #replaced = 0
  #isDismissed = false

  /** @param onLost told when it cannot be started, or has died once more than it is replaced. */
  constructor(onLost: (error: EndswellError) => void) {
    this.#onLost = onLost
  }

  /** Its pid, while it watches. */
  get pid(): number | undefined {
    const { exitCode, signalCode, pid } = this.#shell ?? { exitCode: null, signalCode: null, pid: undefined }
    return exitCode === null && signalCode === null ? pid : undefined
  }

  /** Watches over a tree, if it can. */
  add(tree: string): void {
    this.#trees.add(tree)
    if (this.#shell === undefined) this.#start()
    else this.#tell(`+ ${tree}\n`)
  }

  /** Whether it watches over a tree at this moment. */
  has(tree: string): boolean {
    return this.#trees.has(tree) && this.pid !== undefined
  }

  /** Knows better what a tree is. */
  replace(tree: string, better: string): void {
    if (!this.#trees.delete(tree)) return
    this.#trees.add(better)
    this.#tell(`+ ${better}\n- ${tree}\n`)
  }

  /** Lets go of a tree: it has ended. */
  remove(tree: string): void {
    if (!this.#trees.delete(tree)) return
    this.#tell(`- ${tree}\n`)
    this.#rest()
  }

  /** No more trees are to come: it ends as soon as it watches over none. */
  dismiss(): void {
    this.#isDismissed = true
    this.#rest()
  }

  #tell(text: string): void {
    this.#shell?.stdin?.write(text)
  }

  /** Where it watches over nothing, its replacements are counted anew; and it ends, if nothing is to come. */
  #rest(): void {
    if (this.#trees.size > 0) return
    this.#replaced = 0
    if (!this.#isDismissed) return
    const shell = this.#shell
    this.#shell = undefined
    shell?.stdin?.end()
  }

  #start(): void {
    const shell = startShell()
    this.#shell = shell
    if (shell === undefined) return this.#lose('could not be started')
    shell.once('exit', () => {
      if (shell === this.#shell) this.#replace()
    })
    this.#tell([...this.#trees].map((tree) => `+ ${tree}\n`).join(''))
  }

  /** It has been killed: somebody must have named it, for what asks politely does not reach it. */
  #replace(): void {
    this.#shell = undefined
    if (this.#trees.size === 0) return
    if (this.#replaced === REPLACEMENTS) return this.#lose(`was killed ${REPLACEMENTS + 1} times`)
    this.#replaced += 1
    this.#start()
  }

  #lose(what: string): void {
    this.#trees.clear()
    this.#replaced = 0
    const message = `The sidecar ${what}: if this process is killed, its children live on.`
    this.#onLost(new EndswellError('ERR_EXITED', message))
  }
}

/** Starts the shell; nothing where that is not possible. */
function startShell(): ChildProcess | undefined {
  try {
    const shell = builtin('node:child_process').spawn('/bin/sh', ['-c', SCRIPT, NAME], {
      detached: true,
      // A stream of ours that it held would seem open to our parent for as long as it lives.
      stdio: ['pipe', 'ignore', 'ignore'],
      cwd: '/',
      env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', [PROBE]: '1' },
    })
    // That it could not be started is seen below.
    shell.on('error', () => {})
    if (shell.pid === undefined) return undefined
    shell.unref()
    const { stdin } = shell as { stdin: typeof shell.stdin & { unref?(): void } }
    // That it has died is heard from its exit.
    stdin.on('error', () => {})
    stdin.unref?.()
    return shell
  } catch {
    // Starting processes is not allowed here, or there is no memory for one. The child that it was for will say so.
    return undefined
  }
}
