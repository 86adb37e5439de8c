/**
 * A service that runs jobs: `node service.ts <directory>`. Shows a whole `run`: what is opened first closes last, so the
 * order in which things are written here is the order of the start and, read from the bottom, that of the shutdown. The
 * start has its phases: what it cannot do without, what it prepares, and at last the door to the outside.
 *
 * 1. SIGTERM: `life.signal` aborts, new jobs are refused.
 * 2. `http`: replies under way are sent whole, websockets are told goodbye.
 * 3. `janitor`: the sweep that it is at is waited for.
 * 4. `jobs`: all at once get SIGTERM, then the stubborn ones SIGKILL; how each ended is noted.
 * 5. `hasher`: its calls end, and then its threads; `threads`, which watches them.
 * 6. `unsaved`: what has not been written is, or else goes to disk; `registry`.
 * 7. `database`: its connections are closed when they have been given back.
 * 8. `log`: last of all, since it hears of the others.
 */
import { createWriteStream, mkdirSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { listen, run } from 'endswell'
import { JobRegistry } from 'endswell/bounded'
import { startCleaning } from './cleaning.ts'
import { openHasher, readyHasher } from './hasher.ts'
import { handlerFor } from './http.ts'
import { type Facts, Jobs } from './jobs.ts'
import { loadPrices } from './prices.ts'
import { Progress } from './progress.ts'
import { openConnections, Store } from './store.ts'
import { troubled } from './trouble.ts'
import { openUnsaved } from './unsaved.ts'

/** How many ms a job is remembered after its end; an hour, where they are fewer. */
const RETAIN = 10_000

const [directory = '.'] = process.argv.slice(2)

await run(
  'job-service',
  async (life, boot) => {
    mkdirSync(join(directory, 'logs'), { recursive: true })
    const log = life.use(createWriteStream(join(directory, 'log')), { name: 'log', last: true })
    life.subscribe(({ type, path, outcome, error }) => {
      if (log.writable) log.write(`${[type, path, outcome, error].filter(Boolean).join(' ')}\n`)
    })

    const connect = troubled('database', () => openConnections(join(directory, 'jobs.db')))
    const connections = await boot.phase(
      'connections',
      () => boot.step('database', connect, { impact: 'no job would be remembered' }),
      { critical: true },
    )
    const store = new Store(connections)
    const registry = life.use(new JobRegistry<Facts>({ retain: RETAIN }), { name: 'registry' })
    const unsaved = await openUnsaved(life, store, directory)
    const hasher = openHasher(life)
    const [, prices] = await boot.phase('warm-up', () =>
      Promise.all([
        boot.step('hashing', () => readyHasher(hasher), { impact: 'no result could be verified' }),
        boot.step('pricing', troubled('pricing', loadPrices), { impact: 'nobody would know what a job costs' }),
      ]),
    )
    const progress = new Progress()
    const means = { directory, registry, unsaved, hasher, progress }
    const jobs = new Jobs(life.scope('jobs', { order: 'parallel' }), means, await store.last())
    const janitor = startCleaning(life, directory, registry)

    const counted = { connections, unsaved, registry, janitor }
    const server = createServer(handlerFor(life, { jobs, registry, store, prices, counted }))
    progress.attach(server)
    await boot.step('http', () => listen(server, { port: 0, host: '127.0.0.1' }), { grace: 3_000 })

    const { port } = server.address() as { port: number }
    console.log(`http://127.0.0.1:${port}`)
    process.send?.({ port })
  },
  // Whoever started it with a channel is gone when that breaks off: no reason to stay.
  {
    timeout: 8_000,
    signals: ['SIGTERM', 'SIGINT', 'disconnect'],
    startup: { plan: ['connections', 'warm-up', 'http'] },
  },
)
