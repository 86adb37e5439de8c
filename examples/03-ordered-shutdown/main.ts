/**
 * The order of closing: the newest first, but a resource closes after everything that depends on it, and what is `last`
 * closes last. One that fails does not stop the others; the report says so.
 */
import { Lifecycle } from 'endswell'

const life = new Lifecycle('shop')
const closes = (name: string) => () => console.log(`${name} closes`)

life.defer(closes('log'), { name: 'log', last: true })
life.defer(closes('database'), { name: 'database' })
life.defer(closes('cache'), { name: 'cache', dependsOn: ['database'] })
life.defer(closes('http'), { name: 'http', dependsOn: ['database', 'cache'] })

// Known only now, but the server has needed it all the time: so it closes after the server.
life.defer(closes('metrics'), { name: 'metrics', requiredBy: ['http'] })

life.defer(
  () => {
    throw new Error('nobody answers')
  },
  { name: 'mailer' },
)

const { counts, rows } = await life.close({ reason: 'the example is over' })
console.log(`${counts.closed} closed, ${counts.failed} failed`)
for (const { path, error } of rows) if (error !== undefined) console.log(`${path}: ${(error as Error).message}`)
