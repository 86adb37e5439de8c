/**
 * Scopes: each attempt, request or session is a lifecycle inside another one. It ends when its block does, on every way
 * out of it, and what is still open then ends with the parent.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Lifecycle } from 'endswell'

const life = new Lifecycle('server')
const held = () => life.snapshot().resources.map(({ path }) => path)

async function attempt(number: number): Promise<void> {
  await using scope = life.scope(`attempt-${number}`)
  scope.defer(() => console.log(`attempt ${number}: connection closed`))
  scope.every('heartbeat', 1_000, () => console.log('still here'))
  console.log(`attempt ${number}: ${held()}`)
  if (number < 3) throw new Error(`attempt ${number} broke off`)
}

for (const number of [1, 2, 3]) {
  try {
    await attempt(number)
  } catch (error) {
    console.log((error as Error).message)
  }
}
console.log(`between: ${held().length} held`)

// A session that nobody ends, with work that heeds its signal.
const session = life.scope('session')
session.task('poll', (signal) => sleep(60_000, undefined, { signal })).catch(() => console.log('poll: told to stop'))

const { counts } = await life.close({ reason: 'the example is over' })
console.log(`${session.path} is ${session.state}, ${counts.closed} closed`)
