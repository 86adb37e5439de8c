/**
 * A start in steps, each within its time. One that takes too long fails with its name and with what that means for
 * people; what has been opened before is closed again, and what arrives late is ended at once.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { EndswellError, Lifecycle, Startup } from 'endswell'

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

const life = new Lifecycle('orders')
const boot = new Startup(life, { step: 1_000 })
let late: Promise<Connection> | undefined

try {
  await boot.step('database', () => new Connection('database'), { close: 'end' })
  const open = async () => {
    await sleep(200) // It doesn't heed its signal.
    return new Connection('warehouse')
  }
  await boot.step('warehouse', () => (late = open()), {
    timeout: 100,
    close: 'end',
    impact: 'orders cannot be shipped',
  })
} catch (error) {
  if (!(error instanceof EndswellError)) throw error
  console.log(`${error.code}: ${error.message}`)
  const { counts } = await life.close({ reason: 'the start failed' })
  console.log(`${counts.closed} closed`)
}
await late
