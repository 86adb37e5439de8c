import { EndswellError } from '../../lifecycle/errors.ts'
import { type ChildExit, exitText, wordsText } from './child-exit.ts'

const brand = Symbol.for('endswell.child-error')

/** What a {@link ChildError} tells. */
interface ChildFacts {
  /** What was to be run. */
  readonly command: string
  /** Its path in the lifecycle. */
  readonly path: string
}

/**
 * Says that a child process did not come up: it could not be started (`ERR_SPAWN_FAILED`, with Node's error as its
 * cause), or it exited before it was ready (`ERR_EXITED`, with `exit`). `instanceof` also holds across two copies of the
 * package.
 *
 * @example
 * ```ts
 * try { await spawnChild(life, 'postgres', ['-D', data], { readyWhen: /ready to accept/ }) } catch (error) {
 *   if (error instanceof ChildError) console.error(error.code, error.exit?.lastWords)
 * }
 * ```
 */
export class ChildError extends EndswellError {
  /** What was to be run. */
  readonly command: string
  /** How it ended, where it had been started. */
  readonly exit: ChildExit | undefined

  constructor(
    code: 'ERR_SPAWN_FAILED' | 'ERR_EXITED',
    message: string,
    { command, path }: ChildFacts,
    more: { cause?: unknown; exit?: ChildExit },
  ) {
    super(code, message, 'cause' in more ? { path, cause: more.cause } : { path })
    this.command = command
    this.exit = more.exit
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && brand in value
  }
}
Object.defineProperty(ChildError.prototype, 'name', { value: 'ChildError', configurable: true, writable: true })
Object.defineProperty(ChildError.prototype, brand, { value: true })

/** The error of a command that the system did not start. `why` is a sentence that says more than the cause does. */
export function spawnFailed(facts: ChildFacts, cause: unknown, why = ''): ChildError {
  const text = cause instanceof Error ? cause.message : String(cause)
  return new ChildError('ERR_SPAWN_FAILED', `${facts.command} could not be started: ${text}.${why}`, facts, { cause })
}

/** The error of a child that ended before it was ready. */
export function exitedEarly(facts: ChildFacts, exit: ChildExit): ChildError {
  const message = `${facts.command} ${exitText(exit)} before it was ready${wordsText(exit.lastWords)}`
  return new ChildError('ERR_EXITED', message, facts, { exit })
}
