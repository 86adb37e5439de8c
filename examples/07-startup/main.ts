/**
 * A start in phases and steps, each within its time. What is optional leaves the service degraded; what is required and
 * takes too long fails the start by its name, with what that means for people. What has been opened before is then closed
 * again, and what arrives late is ended at once.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Lifecycle, Startup, StartupError, type StartupRow } from 'endswell'

class Connection {
  readonly #name: string

  constructor(name: string) {
    this.#name = name
    console.log(`${name} opened`)
  }

  async end(): Promise<void> {
    console.log(`${this.#name} closed`)
  }
}

let attempts = 0
async function connect(): Promise<Connection> {
  attempts += 1
  if (attempts < 3) throw new Error('nobody answers')
  return new Connection('database')
}

async function connectSlowly(): Promise<Connection> {
  await sleep(200) // It doesn't heed its signal.
  return new Connection('warehouse')
}

function show(rows: readonly StartupRow[], indent = ''): void {
  for (const { path, state, attempts: tries, inside } of rows) {
    console.log(`${indent}${path} ${state}${tries === undefined ? '' : `, ${tries} attempts`}`)
    show(inside, `${indent}  `)
  }
}

const life = new Lifecycle('orders')
const boot = new Startup(life, { plan: ['connections', 'http'] })
let late: Promise<Connection> | undefined

try {
  await boot.phase('connections', async () => {
    await boot.step('database', connect, { close: 'end', retry: { first: 10 } })
    await boot.step('cache', () => Promise.reject(new Error('no route')), { optional: true })
    await boot.step('warehouse', () => (late = connectSlowly()), {
      timeout: 100,
      close: 'end',
      impact: 'orders cannot be shipped',
    })
  })
} catch (error) {
  if (!(error instanceof StartupError)) throw error
  console.log(`${error.code}: ${error.message}`)
  show(boot.report.rows)
  const { counts } = await life.close()
  console.log(`${counts.closed} closed`)
}
await late
