import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { describe, expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { budgetFor, budgetWarning } from '../../src/run/budget.ts'
import { defaultStatuses } from '../../src/run/exit-status.ts'
import { defaultBudgets } from '../../src/startup/budgets.ts'
import { Program } from '../fixtures/run/program.ts'

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string }
  readonly periodSeconds: number
  readonly timeoutSeconds?: number
  readonly failureThreshold: number
}

interface Container {
  readonly command: readonly string[]
  readonly ports: readonly { name: string; containerPort: number }[]
  readonly env: readonly { name: string; value: string }[]
  readonly startupProbe: Probe
  readonly readinessProbe: Probe
  readonly livenessProbe: Probe
  readonly terminationMessagePolicy: string
}

interface Pod {
  readonly terminationGracePeriodSeconds: number
  readonly containers: readonly [Container]
}

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const [deployment, service] = parseAllDocuments(read('examples/08-kubernetes/deployment.yaml')).map((one) => one.toJS())
const pod: Pod = deployment.spec.template.spec
const [container] = pod.containers
const env = {
  KUBERNETES_SERVICE_HOST: '10.0.0.1',
  ...Object.fromEntries(container.env.map(({ name, value }) => [name, value])),
}
const budget = budgetFor({}, env)
const { startupProbe, readinessProbe, livenessProbe } = container

/** How many ms a probe fails for before something comes of it. */
const patience = ({ periodSeconds, failureThreshold }: Probe) => periodSeconds * failureThreshold * 1_000
const answer = ({ timeoutSeconds = 1 }: Probe) => timeoutSeconds * 1_000

describe('the manifest', () => {
  test('tells run the grace period that it has, and all of it is shared out', () => {
    expect(env).toMatchObject({ TERMINATION_GRACE_PERIOD: String(pod.terminationGracePeriodSeconds) })
    const { drainDelay, timeout, reserve } = budget
    expect(drainDelay + timeout + reserve).toBe(pod.terminationGracePeriodSeconds * 1_000)
    expect(budgetWarning(budget, env)).toBeUndefined()
  })

  test('gives a start its time and the reserve before it is killed, and a probe to spare', () => {
    const least = defaultBudgets.total + budget.reserve + startupProbe.periodSeconds * 1_000
    expect(patience(startupProbe)).toBeGreaterThanOrEqual(least)
  })

  test('learns within the drain delay that it is not ready any more', () => {
    expect(patience(readinessProbe) + answer(readinessProbe)).toBeLessThanOrEqual(budget.drainDelay)
  })

  test('restarts only what hangs for longer than a start takes', () => {
    expect(patience(livenessProbe)).toBeGreaterThanOrEqual(defaultBudgets.total)
    expect(answer(livenessProbe)).toBeLessThan(livenessProbe.periodSeconds * 1_000)
  })

  test('asks the paths that are answered, at the port that answers', () => {
    const asked = [startupProbe, readinessProbe, livenessProbe].map(({ httpGet }) => httpGet)
    expect(asked).toEqual(['/startupz', '/readyz', '/livez'].map((path) => ({ path, port: 'health' })))
    const main = read('examples/08-kubernetes/main.ts')
    for (const [name, variable] of [
      ['health', 'HEALTH_PORT'],
      ['http', 'PORT'],
    ]) {
      const port = container.ports.find((each) => each.name === name)?.containerPort
      expect(main).toContain(`${variable} = '${port}'`)
    }
    expect(service.spec).toMatchObject({
      selector: deployment.spec.template.metadata.labels,
      ports: [{ targetPort: 'http' }],
    })
  })

  test('has node as process 1, without a shell, and no sleep before the signal', () => {
    expect(container.command[0]).toBe('node')
    expect(container).not.toHaveProperty('lifecycle')
  })
})

describe('the page', () => {
  const page = read('docs/how-to/kubernetes.md')

  test('shows what the manifest says', () => {
    const [, block = ''] = /```yaml\n(spec:[\s\S]*?)```/.exec(page) ?? []
    expect(deployment.spec.template).toMatchObject(parse(block))
  })

  test.each([
    ['`drainDelay`', budget.drainDelay],
    ['`timeout`', budget.timeout],
    ['`reserve`', budget.reserve],
    ['grace period', pod.terminationGracePeriodSeconds * 1_000],
    ['start', defaultBudgets.total],
    ['critical path', defaultBudgets.criticalPath],
    ['phase', defaultBudgets.phase],
    ['step', defaultBudgets.step],
    ['startup probe', patience(startupProbe)],
    ['readiness probe', patience(readinessProbe) + answer(readinessProbe)],
    ['liveness probe', patience(livenessProbe)],
  ])('gives the number of the %s that holds', (name, ms) => {
    expect(page).toMatch(new RegExp(`^\\| ${name} \\| ${ms} \\|`, 'm'))
  })

  test('knows every exit status', () => {
    for (const status of Object.values(defaultStatuses)) expect(page).toMatch(new RegExp(`^\\| ${status} \\|`, 'm'))
  })

  test('is right about a longer grace period', () => {
    expect(page).toContain('with 60 it drains for 5 s and closes within 25 s')
    const { drainDelay, timeout } = budgetFor({}, { ...env, TERMINATION_GRACE_PERIOD: '60' })
    expect([drainDelay, timeout]).toEqual([5_000, 25_000])
  })
})

test('the service answers the probes through the drain, serves on after SIGTERM, and ends with status 0', async () => {
  const [port, health] = await Promise.all([freePort(), freePort()])
  const ports = { PORT: String(port), HEALTH_PORT: String(health) }
  const program = new Program('../../../examples/08-kubernetes/main.ts', [], { env: { ...env, ...ports } })
  const status = async (path: string, at = health) => (await fetch(`http://127.0.0.1:${at}${path}`)).status
  const probes = () => Promise.all(['/startupz', '/readyz', '/livez'].map((path) => status(path)))

  await program.said('serving on port')
  expect(await status('/1', port)).toBe(200)
  expect(await probes()).toEqual([200, 200, 200])
  program.child.kill('SIGTERM')
  while ((await status('/readyz')) !== 503);
  expect(await probes()).toEqual([200, 503, 200])
  expect(await status('/1', port)).toBe(200)
  expect(await program.exit).toMatchObject({ status: 0, signal: null })
})

/** A port that nobody listens at, for a moment at least. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}
