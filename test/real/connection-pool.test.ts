/**
 * The pool before a real PostgreSQL: the one that is installed, or PGlite where there is none. `ENDSWELL_ROUNDS=50` is
 * the long form: a million leases.
 */
import { ConnectionPool, type ConnectionPoolOptions } from 'endswell/connection'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { database } from '../fixtures/postgres/database.ts'
import { until } from '../fixtures/until.ts'

const LEASES = 20_000 * Number(process.env['ENDSWELL_ROUNDS'] ?? 1)
const APPLICATION = 'endswell-pool'

const server = database()
beforeAll(() => server.start(), 60_000)
afterAll(() => server[Symbol.asyncDispose]())

function poolOf(options: Partial<ConnectionPoolOptions<Client>> = {}): ConnectionPool<Client> {
  const pool = new ConnectionPool<Client>({
    name: 'db',
    max: 5,
    create: async () => {
      const client = new Client({ ...server.address, application_name: APPLICATION })
      client.on('error', () => {})
      await client.connect()
      return client
    },
    destroy: (client) => client.end(),
    validate: (client) => client.query('SELECT 1'),
    onGone: (client, leave) => {
      client.once('end', leave)
      return () => client.off('end', leave)
    },
    ...options,
  })
  onTestFinished(async () => {
    await pool.close({ timeout: 0 })
  })
  return pool
}

async function noneIsLeft(): Promise<void> {
  await until('the server has no connection left', async () => (await server.connections(APPLICATION)) === 0)
}

describe(`before ${server.words}`, () => {
  test('it opens what is needed, never more than max, and leaves nothing when it is closed', async () => {
    const pool = poolOf()
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, at) => pool.with((client) => client.query(`SELECT ${at} AS at`))),
    )
    expect(answers.map(({ rows }) => rows[0].at)).toEqual(Array.from({ length: 40 }, (_, at) => at))
    // Some may have been asked for in vain: the work was done before they were there.
    await until('all are there', () => pool.stats().connecting === 0)
    const { size } = pool.stats()
    expect(size).toBeLessThanOrEqual(5)
    await until('the server agrees', async () => (await server.connections(APPLICATION)) === size)
    expect(await pool.close()).toEqual({ closed: size, destroyed: 0, abandoned: 0, stuck: 0, held: [] })
    await noneIsLeft()
  })

  test('it survives the death of the server: nothing dead is lent, hardly anything is tried, and it comes back', async () => {
    const failures: unknown[] = []
    const pool = poolOf({ min: 2, acquireTimeout: 10_000, backoff: { max: 500 } })
    pool.subscribe(({ type, reason }) => type === 'connection.failed' && failures.push(reason))
    await until('two are open', () => pool.stats().idle === 2)
    const lease = await pool.acquire()
    await server.kill()
    await until('all have left the pool', () => pool.stats().size === 0)
    lease.release()
    expect(pool.stats()).toMatchObject({ leased: 0, idle: 0 })

    const failed = await pool.acquire().catch((error) => error)
    expect(failed).toMatchObject({ code: 'ERR_CONNECT_FAILED', path: '/db' })
    expect(failed.cause.code).toMatch(/^(ENOENT|ECONNREFUSED)$/)
    expect(pool.stats().failed).toBeLessThanOrEqual(10)
    // It may get the failure of an attempt that is made before the server is back.
    const waiting = pool.with(() => {}).catch(() => {})
    await server.start()
    await waiting
    await until('it serves again', () => pool.with((client) => client.query('SELECT 1')).then(Boolean, () => false))
    await until('it has its two', () => pool.stats().size >= 2 && pool.stats().connecting === 0)
    await until('the server agrees', async () => (await server.connections(APPLICATION)) === pool.stats().size)
    await pool.close()
    await noneIsLeft()
  })

  test.runIf(server.words === 'PostgreSQL')('a connection that the server ends leaves at once', async () => {
    const pool = poolOf({ max: 2 })
    const [one, two] = [await pool.acquire(), await pool.acquire()]
    const { rows } = await one.value.query('SELECT pg_backend_pid() AS pid')
    one.release()
    await two.value.query('SELECT pg_terminate_backend($1)', [rows[0].pid])
    await until('it has left', () => pool.stats().size === 1)
    two.release()
    await pool.with((client) => client.query('SELECT 1'))
    await until('the server agrees', async () => (await server.connections(APPLICATION)) === pool.stats().size)
  })

  test(`${LEASES.toLocaleString('en')} leases with random aborts leave no connection behind`, async () => {
    const pool = poolOf({ maxWaiting: 100, maxUses: 2_000, validateAfter: 5_000 })
    const outcomes = { served: 0, aborted: 0, failed: 0 }
    let left = LEASES
    const turn = async (): Promise<void> => {
      const controller = new AbortController()
      const dice = Math.random()
      if (dice < 0.2) setImmediate(() => controller.abort('off'))
      try {
        await pool.with(
          async (client, lease) => {
            outcomes.served += 1
            if (dice > 0.98) await client.query('SELECT 1')
            if (dice > 0.9995) lease.destroy()
          },
          { signal: controller.signal },
        )
      } catch (reason) {
        if (reason === 'off') outcomes.aborted += 1
        else throw reason
      }
    }
    const task = async (): Promise<void> => {
      while (left > 0) {
        left -= 1
        await turn()
      }
    }
    await Promise.all(Array.from({ length: 40 }, task))
    expect(outcomes.served + outcomes.aborted).toBe(LEASES)
    expect(outcomes.aborted).toBeGreaterThan(0)
    const { size, leased, waiting, opened, closed, acquired, doubleReleases, lost } = pool.stats()
    expect({ leased, waiting, doubleReleases, lost }).toEqual({ leased: 0, waiting: 0, doubleReleases: 0, lost: 0 })
    expect(acquired).toBe(outcomes.served)
    expect(opened - closed).toBe(size)
    await until('the server agrees', async () => (await server.connections(APPLICATION)) === pool.stats().size)
    await pool.close()
    await noneIsLeft()
  }, 600_000)
})
