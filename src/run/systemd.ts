import {
  checkFunction,
  checkObject,
  checkOptions,
  checkTimeout,
  LONGEST_TIMEOUT,
  wrongType,
} from '../lifecycle/check.ts'
import { Deadline } from '../lifecycle/deadline.ts'
import { publish, subscribe } from '../lifecycle/events.ts'
import { inspect } from '../lifecycle/inspect.ts'
import { Lifecycle, scopeOf } from '../lifecycle/lifecycle.ts'
import { forget, use } from '../lifecycle/register.ts'
import type { Scope } from '../lifecycle/scope.ts'
import { defaultBudgets } from '../startup/budgets.ts'
import { DEFAULT_RESERVE } from './budget.ts'
import { Narrator, type Remaining } from './narrator.ts'
import { Outbox, SEND_TIMEOUT, type Send } from './outbox.ts'
import { sendByProgram } from './send-by-program.ts'
import { feedingInterval, feedWatchdog } from './watchdog-feed.ts'

/** Options of {@link notifySystemd}. */
export interface NotifyOptions {
  /** Tells how many ms the start has left, as a `Deadline` does. Default: one of 30 000 ms, from the call on. */
  start?: Remaining
  /** How many ms it may take from the end of the closing to the exit, as in `run`. Default: 2 000. */
  reserve?: number
  /**
   * Hands a message over: lines of `VARIABLE=value`, which belong into one datagram to the address that was in
   * `NOTIFY_SOCKET`. What it returns is awaited, for at most 5 000 ms. Default: the program `systemd-notify`.
   */
  send?: Send
}

/**
 * Tells systemd how a lifecycle is doing, for a unit with `Type=notify`: what its start waits for, that it serves
 * (`READY=1`), that it stops (`STOPPING=1`) and what that waits for. As long as the start or the closing keeps to its
 * own time, systemd is asked to wait, whatever the unit says. The event loop feeds the unit's watchdog, if it has one.
 *
 * Does nothing where systemd has not asked for it by `NOTIFY_SOCKET`. It takes that variable out of the environment, so
 * that no child process speaks for the service. It is a resource of the lifecycle, `systemd`, which closes among the
 * last, when everything has been said. What cannot be said becomes a warning of the process, once.
 *
 * @param life the lifecycle, or one inside it: systemd is told of the topmost.
 * @returns the undo: nothing more is said, and the variables are back.
 * @throws TypeError or RangeError for a bad argument or option.
 * @example
 * ```ts
 * await run('orders', async (life, boot) => {
 *   notifySystemd(life)
 *   const db = await boot.step('database', (signal) => connect(url, { signal }), { close: 'end' })
 *   await boot.step('http', () => listen(createServer(handler(db)), 8080))
 * })
 * ```
 */
export function notifySystemd(life: Lifecycle, options: NotifyOptions = {}): () => void {
  if (!(life instanceof Lifecycle)) throw wrongType('life', 'a Lifecycle', life)
  const { start, reserve = DEFAULT_RESERVE, send } = checked(options)
  const address = process.env['NOTIFY_SOCKET'] ?? ''
  const scope = scopeOf(life).root
  if (address === '' || scope.state === 'closed') return () => {}

  const { clock } = scope
  const outbox = new Outbox(send ?? sendByProgram(address), clock, warnOnce(scope))
  const narrator = new Narrator(scope, outbox, {
    start: start ?? new Deadline(defaultBudgets.total, { name: 'start', clock }),
    closing: Math.min(LONGEST_TIMEOUT, scope.settings.timeout + reserve),
  })
  const interval = feedingInterval(process.env, process.pid)
  const feed = (): void => outbox.tell({ WATCHDOG: '1' })
  const undos = [takeVariables(process.env), () => narrator.stop()]
  const undo = (): void => {
    for (const each of undos.splice(0)) each()
  }
  undos.push(
    subscribe(scope, (event) => {
      narrator.hear(event)
      if (event.type === 'lifecycle.closed' && event.path === scope.path) undo()
    }),
  )
  if (scope.state === 'open') undos.push(holdUntilSaid(scope, outbox))
  narrator.begin()
  if (interval !== undefined) undos.push(feedWatchdog(clock, interval, feed))
  return undo
}

function checked(options: NotifyOptions): NotifyOptions {
  checkObject('options', options)
  checkOptions('notifySystemd', options, ['start', 'reserve', 'send'])
  const { start, reserve, send } = options
  if (start !== undefined && typeof Object(start).left !== 'number')
    throw wrongType('options.start', 'a Deadline, or an object with a number left', start)
  if (reserve !== undefined) checkTimeout('options.reserve', reserve)
  if (send !== undefined) checkFunction('options.send', send)
  return options
}

/** Keeps the process from its exit, by way of the closing, until what was said has gone out. Returns the undo. */
function holdUntilSaid(scope: Scope, outbox: Outbox): () => void {
  use(scope, outbox, {
    name: 'systemd',
    close: () => outbox.flushed(),
    force: () => outbox.drop(),
    grace: SEND_TIMEOUT * 2,
    last: true,
  })
  return () => void forget(scope, outbox)
}

const variables = ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID'] as const

/** Takes out of the environment what is meant for this process alone. Returns the undo. */
function takeVariables(env: NodeJS.ProcessEnv): () => void {
  const taken = variables.map((name) => [name, env[name]] as const)
  for (const name of variables) delete env[name]
  return () => {
    for (const [name, value] of taken) if (value !== undefined) env[name] ??= value
  }
}

/** The service runs as well without systemd knowing, so a failure is told of, and nothing else. */
function warnOnce(scope: Scope): (error: unknown) => void {
  let told = false
  return (error) => {
    if (told) return
    told = true
    const path = `${scope.path}/systemd`
    if (scope.observes('resource.error'))
      publish(scope, Object.freeze({ type: 'resource.error', path, kind: 'custom', error }))
    const why = error instanceof Error ? error.message : inspect(error)
    process.emitWarning(`${path}: systemd was not told how the service is doing. ${why}`, {
      type: 'EndswellWarning',
      code: 'ENDSWELL_SYSTEMD',
    })
  }
}
