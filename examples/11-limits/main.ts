/**
 * What grows has a limit, and says what goes. A cache without room, a queue that nobody empties, a lease that nobody
 * releases, jobs that have ended: each is bounded, counted and named, and all end with the lifecycle.
 */
import { EndswellError, Lifecycle } from 'endswell'
import { BoundedCache, BoundedQueue, Janitor, JobRegistry } from 'endswell/bounded'
import { ConnectionPool } from 'endswell/connection'

const life = new Lifecycle('shop')
life.subscribe(({ type, path, item, reason }) => {
  if (type === 'item.dropped' && item !== undefined) console.log(`${path} dropped ${item}: ${reason}`)
})

const prices = life.use(new BoundedCache<string, number>({ max: 2 }), { name: 'prices' })
prices.set('tea', 3)
prices.set('milk', 1)
prices.get('tea')
prices.set('rum', 9)
console.log(`prices of ${[...prices.keys()].join(' and ')}`)

const news = life.use(
  new BoundedQueue<string>({ max: 2, overflow: 'drop-oldest', onDrop: (item) => console.log(`missed: ${item}`) }),
  { name: 'news' },
)
for (const item of ['tea is out', 'milk is out', 'rum is in']) news.push(item)

const jobs = life.use(new JobRegistry<string>({ max: 1 }), { name: 'jobs' })
for (const id of ['bill', 'stock']) {
  jobs.start(id, 'by hand')
  jobs.end(id, 'completed')
}
jobs.start('dispatch', 'all night')
console.log(`${jobs.active} job runs`)

const janitor = life.use(new Janitor({ log: (line) => console.log(line.replace(/, in .*/, '')) }), { name: 'janitor' })
janitor.add('news', () => ({ removed: news.clear() }))
await janitor.run('closing time')

const database = life.use(new ConnectionPool({ create: () => ({ query: () => 'rows' }), destroy: () => {}, max: 1 }), {
  name: 'database',
  grace: 50,
})
const lease = await database.acquire()
const second = await database.acquire({ timeout: 10 }).catch((error: unknown) => error)
if (second instanceof EndswellError) console.log(`the second lease: ${second.code}`)
const forgetful = lease.value.query()

const { rows } = await life.close()
for (const { path, outcome, note } of rows.filter((row) => row.outcome !== 'closed')) {
  console.log(`${forgetful}, and ${path} was ${outcome}: ${note?.replace(/, the longest.*\/(main\.ts).*/, ' ($1)')}`)
}
