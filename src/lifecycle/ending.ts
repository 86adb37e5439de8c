import { checkBoolean, checkObject, checkOptions, checkTimeout, wrongType } from './check.ts'
import { DEFAULT_REASON } from './closing.ts'
import type { CloseOptions, Report } from './contract.ts'
import { scopeIn } from './core-kinds.ts'
import { PLAIN } from './place.ts'
import { ClosingReport } from './report.ts'
import type { Scope } from './scope.ts'
import { closeScope } from './scope-kind.ts'
import { chain } from './suppressed-error.ts'

/** What `Lifecycle.disposeAsync` does, in a scope. */
export function dispose(scope: Scope): Promise<void> {
  if (scope.state !== 'open') return Promise.resolve()
  const closing = closeScope(scope, { reason: 'disposeAsync() was called' }, Number.POSITIVE_INFINITY, false)
  if (closing === undefined) return Promise.resolve()
  return new Promise((resolve, reject) => {
    closing.whenDone(() => {
      const { errors } = closing.tally
      if (errors.length > 0) reject(chain(errors))
      else resolve()
    })
  })
}

/** What `Lifecycle.close` does, in a scope. */
export function close(scope: Scope, options: CloseOptions): Promise<Report> {
  if (options !== PLAIN) checkCloseOptions(options)
  const { calling } = scope
  // Whoever waits for the whole while something in it hangs may be that very thing.
  if (options.force !== true && options.timeout === undefined) markJoined(scope)
  const closing = closeScope(scope, options, Number.POSITIVE_INFINITY, true)
  if (closing === undefined) return Promise.resolve(nothingToEnd(scope.path, options.reason ?? DEFAULT_REASON))
  if (calling) return Promise.resolve(closing.report())
  return new Promise((resolve) => closing.whenDone(() => resolve(closing.report())))
}

function markJoined({ closing, under }: Scope): void {
  if (closing !== undefined) closing.joined = true
  for (const ladder of under ?? []) {
    ladder.joined = true
    const inside = scopeIn(ladder.entry)
    if (inside !== undefined) markJoined(inside)
  }
}

function checkCloseOptions(options: CloseOptions): void {
  checkObject('options', options)
  checkOptions('close', options, ['reason', 'timeout', 'force'])
  const { reason = DEFAULT_REASON, timeout, force } = options
  if (typeof reason !== 'string') throw wrongType('options.reason', 'a string', reason)
  if (timeout !== undefined) checkTimeout('options.timeout', timeout)
  if (force !== undefined) checkBoolean('options.force', force)
}

const noCounts = Object.freeze({ closed: 0, forced: 0, failed: 0, abandoned: 0 })
const noRows: Report['rows'] = Object.freeze([])

function nothingToEnd(path: string, reason: string): Report {
  return new ClosingReport({ path, reason, complete: true, ms: 0, counts: noCounts, rows: noRows })
}
