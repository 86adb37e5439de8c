import type { IncomingMessage, ServerResponse } from 'node:http'
import { wrongType } from '../lifecycle/check.ts'
import { publish } from '../lifecycle/events.ts'
import { Lifecycle, scopeOf } from '../lifecycle/lifecycle.ts'
import type { Scope } from '../lifecycle/scope.ts'
import { type CheckResult, HealthCheck } from './health-check.ts'
import { detailsOf } from './health-details.ts'
import { type HealthOptions, type HealthPlan, healthPlan } from './health-options.ts'
import { asksChecks, type Probe, standingOf, verdictOf } from './probe.ts'

/**
 * Answers a request if it is a probe, and says whether it was. What is none goes on to `next`; without a `next` nothing
 * is touched.
 */
export type HealthHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  next?: (error?: unknown) => unknown,
) => boolean

/**
 * Makes the handler by which a platform learns how a lifecycle does, for the application's own HTTP server.
 *
 * `/livez` says 200 as long as it can be asked, also while it drains and closes, unless a check on `live` fails.
 * `/readyz` says 200 once the start is over and nothing of it is pending, until it drains or closes, while all checks on
 * `ready` pass. `/startupz` says 200 once the start is over. Whatever isn't so is 503. Each answers GET and HEAD.
 *
 * The body is `{ "status": … }`, and more for those who may see `details`.
 *
 * @throws TypeError or RangeError for a bad option.
 * @example
 * ```ts
 * const health = healthHandler(life, { checks: { database: (signal) => db.query('select 1', { signal }) } })
 * createServer((req, res) => health(req, res) || app(req, res))
 * express().use(health)
 * ```
 */
export function healthHandler(life: Lifecycle, options: HealthOptions = {}): HealthHandler {
  if (!(life instanceof Lifecycle)) throw wrongType('life', 'a Lifecycle', life)
  const scope = scopeOf(life)
  const plan = healthPlan(options)
  const checksOn = (on: Probe): HealthCheck[] =>
    plan.checks.filter((check) => check.on === on).map((check) => new HealthCheck(check, scope))
  const checks = { live: checksOn('live'), ready: checksOn('ready'), startup: [] }

  return (request, response, next) => {
    const probe = plan.probes.get(pathOf(request))
    if (probe === undefined) {
      next?.()
      return false
    }
    const { method } = request
    if (method !== 'GET' && method !== 'HEAD') {
      send(response, 405, { error: 'Ask by GET or HEAD.' }, { allow: 'GET, HEAD' })
      return true
    }
    const detailed = seesDetails(plan, scope, request)
    const answer = (results: Readonly<Record<string, CheckResult>>): void => {
      // It may have begun to drain or close while the checks ran: what counts is what it is now.
      const standing = standingOf(scope)
      const failing = Object.values(results).some((result) => result.status === 'failing')
      const { healthy, status } = verdictOf(probe, standing, failing)
      const details = detailed ? detailsOf(scope, standing.phase, results) : {}
      send(response, healthy ? 200 : 503, { status, ...details })
    }
    const asked = asksChecks(probe, standingOf(scope)) ? checks[probe] : []
    if (asked.length === 0) answer({})
    else void ask(asked).then(answer)
    return true
  }
}

function pathOf({ url = '' }: IncomingMessage): string {
  const query = url.indexOf('?')
  return query === -1 ? url : url.slice(0, query)
}

/** Asks all at once. */
async function ask(checks: readonly HealthCheck[]): Promise<Record<string, CheckResult>> {
  return Object.fromEntries(await Promise.all(checks.map(async (check) => [check.name, await check.ask()] as const)))
}

/** A function of the user's that fails shows nothing to anybody, and doesn't fail the probe. */
function seesDetails(plan: HealthPlan, scope: Scope, request: IncomingMessage): boolean {
  try {
    return plan.details(request) === true
  } catch (error) {
    if (scope.observes('resource.error'))
      publish(scope, Object.freeze({ type: 'resource.error', path: `${scope.path}/health`, kind: 'health', error }))
    return false
  }
}

/** Sends an answer, unless somebody has sent one meanwhile or the client is gone. */
function send(
  response: ServerResponse,
  status: number,
  body: object,
  more: Readonly<Record<string, string>> = {},
): void {
  if (response.headersSent || response.writableEnded || response.destroyed) return
  const text = JSON.stringify(body)
  response.writeHead(status, {
    'content-type': 'application/json',
    'cache-control': 'no-store',
    'content-length': Buffer.byteLength(text),
    ...more,
  })
  // To HEAD, Node sends the headers alone.
  response.end(text)
}
