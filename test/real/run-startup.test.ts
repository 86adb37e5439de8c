import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { lineOf, Program } from '../fixtures/run/program.ts'
import { until } from '../fixtures/until.ts'

/** The line about the start that a program has printed. */
function startOf(err: string) {
  const line = err.split('\n').find((each) => each.startsWith('{"event":"endswell:startup"'))
  return line === undefined ? undefined : JSON.parse(line)
}

describe('a start whose time is over ends with status 82, and names', () => {
  test.each([
    ['the step', 'hangs', '/app/connect/database did not start within 200 ms. Impact: orders cannot be saved.'],
    ['the step, and the phase whose time it was', 'phase', 'when the 1000 ms of the phase /app/connect were over.'],
    ['the whole, where no step is under way', 'main', '/app did not start within 2000 ms.'],
  ])('%s', async (_, way, message) => {
    const { status, out, err } = await new Program('phases.ts', [way]).exit
    expect({ status, out }).toEqual({ status: 82, out: 'closing quick\n' })
    expect(err).toMatch(/^\/app failed to start:\nStartupError: /)
    expect(err).toContain(message)
    expect(lineOf(err)).toMatchObject({ status: 82, reason: 'the start failed', counts: { closed: 1, abandoned: 0 } })
    const start = startOf(err)
    expect(start).toMatchObject({ state: 'failed', rows: [{ path: '/app/connect' }, { path: '/app/http' }] })
    expect(start.rows[1].state).toBe('not begun')
    expect(start.rows[0].inside[0]).toMatchObject({ path: '/app/connect/log', state: 'done' })
  })
})

test('a step that nothing can finish any more fails the start at once, and not when its time is over', async () => {
  const { status, err } = await new Program('phases.ts', ['dead']).exit
  expect(status).toBe(1)
  expect(err).toContain('/app/connect/database failed to start: the event loop is empty')
})

test('a step that fails, and that nobody awaited, fails the start and is told of once', async () => {
  const { status, err } = await new Program('phases.ts', ['unawaited']).exit
  expect(status).toBe(1)
  expect(err.match(/^StartupError: /gm)).toHaveLength(1)
  expect(err).not.toContain('was not caught')
})

test('what arrives late is ended before the process exits', async () => {
  const { status, out, err } = await new Program('phases.ts', ['late']).exit
  expect({ status, out }).toEqual({ status: 82, out: 'late one ended\nother heard true\nclosing quick\n' })
  expect(lineOf(err).counts).toEqual({ closed: 2, forced: 0, failed: 0, abandoned: 0 })
})

test('what is optional leaves a service that is degraded, and says so', async () => {
  const { status, err } = await new Program('phases.ts', ['optional']).stop()
  expect(status).toBe(0)
  const { state, rows } = startOf(err)
  expect(state).toBe('degraded')
  expect(rows[0].inside[1]).toMatchObject({ path: '/app/connect/cache', state: 'degraded', impact: 'it is slow' })
})

describe('an event loop that is blocked', () => {
  test.each([
    ['in a step', 'blocks', '/app/connect/pricing (phase, 1000 ms)'],
    ['in a step, after it has waited', 'blocks later', '/app/connect/pricing (phase, 1000 ms)'],
    ['in a disposer', 'spins at close', '/app (closing, 1800 ms)'],
  ])('%s ends the process with status 83, and names function, file and line', async (_, way, what) => {
    const program = new Program('phases.ts', [way])
    if (way === 'spins at close') void program.stop()
    const { status, signal, err } = await program.exit
    expect({ status, signal }).toEqual({ status: 83, signal: null })
    expect(err).toContain(`endswell: the event loop has been blocked past the deadline of ${what}`)
    expect(err).toMatch(/^ {2}at spin \(.*phases\.ts:11:\d+\)$/m)
    if (way === 'blocks')
      expect(err).toContain('this is in the step /app/connect/pricing. Impact: nobody knows what an order costs')
    expect(err).toContain('the process ends while these are open: ')
  })
})

/** A port that is free, as far as one can know. */
async function freePort(): Promise<number> {
  const server: Server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

test('the health port tells of every stage: starting, ready, draining, until the process is gone', async () => {
  const port = await freePort()
  const program = new Program('phases.ts', ['optional'], { env: { HEALTH_PORT: String(port) } })
  const ask = (path: string) =>
    fetch(`http://127.0.0.1:${port}${path}`).then(
      async (response) => ({ status: response.status, body: (await response.json()) as Record<string, unknown> }),
      () => undefined,
    )
  const statuses = async () =>
    [await ask('/livez'), await ask('/readyz'), await ask('/startupz')].map((it) => it?.status)
  await until('it answers', async () => (await ask('/livez')) !== undefined)
  expect(await statuses()).toEqual([200, 503, 503])
  expect((await ask('/readyz'))?.body).toMatchObject({ status: 'starting' })
  await program.said('ready')
  await until('it is ready', async () => (await ask('/readyz'))?.status === 200)
  expect(await statuses()).toEqual([200, 200, 200])
  expect(JSON.stringify((await ask('/readyz'))?.body['degraded'])).toContain('/app/connect/cache')
  program.child.kill('SIGTERM')
  await until('it drains', async () => (await ask('/readyz'))?.status === 503)
  expect(await statuses()).toEqual([200, 503, 200])
  expect((await ask('/readyz'))?.body).toMatchObject({ status: 'draining' })
  expect((await program.exit).status).toBe(0)
  expect(await ask('/livez')).toBeUndefined()
})

test('a health port that is taken fails the start', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  const { status, err } = await new Program('phases.ts', ['ok'], { env: { HEALTH_PORT: String(port) } }).exit
  expect(status).toBe(1)
  expect(err).toContain('EADDRINUSE')
  await new Promise((resolve) => server.close(resolve))
})

test('a shutdown that is longer than the grace period of the platform is warned of at boot', async () => {
  const env = { TERMINATION_GRACE_PERIOD: '2' }
  const { status, err } = await new Program('phases.ts', ['ok'], { env }).stop()
  expect(status).toBe(0)
  expect(err).toMatch(/ENDSWELL_GRACE_PERIOD.*The shutdown may take 2800 ms/)
})
