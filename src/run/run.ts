import { Lifecycle } from '../kinds.ts'
import { checkFunction, checkName } from '../lifecycle/check.ts'
import type { Report } from '../lifecycle/contract.ts'
import { Startup, startOf } from '../startup/startup.ts'
import { App } from './app.ts'
import { budgetWarning } from './budget.ts'
import { coordinator } from './coordinator.ts'
import { planFor, type RunOptions } from './options.ts'

/** A program: opens what it needs in `life`, step by step with `boot`, and returns when it has started. */
export type Main = (life: Lifecycle, boot: Startup) => unknown

/**
 * Runs a program from its start to the exit of the process.
 *
 * When `main` returns, the start is over, and it stays until a signal, an error that nothing caught, `life.close()` or
 * an empty event loop stops it. Then it drains, closes everything in order and in time, flushes, prints what became of
 * it, and exits: with 0 where everything closed gently (or `process.exitCode`), 80 where something was forced or failed
 * to close, 81 where something was abandoned, 1 after a failed start or an uncaught error, 128 and the signal's number
 * after a third signal.
 *
 * @returns a promise of the report, which resolves just before the exit and never rejects.
 * @throws TypeError or RangeError for a bad argument or option, before anything has begun.
 * @example
 * ```ts
 * await run('orders', async (life, boot) => {
 *   const db = await boot.step('database', (signal) => connect(url, { signal }), { close: (db) => db.end() })
 *   await boot.step('http', () => listen(createServer(handler(db)), 8080), { grace: 10_000 })
 * })
 * ```
 */
export function run(name: string, main: Main, options: RunOptions = {}): Promise<Report> {
  checkName('name', name)
  checkFunction('main', main)
  const plan = planFor(name, options, process.env)
  const warning = budgetWarning(plan.budget, process.env)
  if (warning !== undefined) process.emitWarning(warning, { type: 'EndswellWarning', code: 'ENDSWELL_GRACE_PERIOD' })
  const life = new Lifecycle(plan.life)
  const boot = new Startup(life, plan.startup)
  const app = new App(life, startOf(boot), plan)
  void start(app, () => main(life, boot))
  return app.over
}

async function start(app: App, main: () => unknown): Promise<void> {
  try {
    // Also where nothing has to be loaded, so that main always begins after run has returned.
    await app.prepare()
    await app.main(main)
  } catch (error) {
    return app.started({ error })
  }
  app.started(undefined)
}

/**
 * Takes every listener of every run off the process, which then answers signals and errors as Node does by itself. The
 * runs go on, and end by `life.close()`.
 */
export function uninstall(): void {
  coordinator().uninstall()
}
