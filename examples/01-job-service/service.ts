/**
 * A service that runs jobs: `node service.ts <directory>`. Shows a whole `run`: what is opened first closes last, so the
 * order in which things are written here is the order of the start and, read from the bottom, that of the shutdown. The
 * start has its phases: what it cannot do without, what it prepares, and at last the door to the outside.
 *
 * 1. SIGTERM: `life.signal` aborts, new jobs are refused.
 * 2. `http`: replies under way are sent whole, websockets are told goodbye.
 * 3. `sweep`: its timer is cleared, and the file that it is at is waited for.
 * 4. `jobs`: all at once get SIGTERM, then the stubborn ones SIGKILL; how each ended is noted.
 * 5. `hasher`: its calls end, and then its threads; `threads`, which watches them.
 * 6. `database` is closed.
 * 7. `log`: last of all, since it hears of the others.
 */
import { createWriteStream, mkdirSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { listen, run } from 'endswell'
import { openHasher, readyHasher } from './hasher.ts'
import { handlerFor } from './http.ts'
import { Jobs } from './jobs.ts'
import { loadPrices } from './prices.ts'
import { Progress } from './progress.ts'
import { Store } from './store.ts'
import { sweep } from './sweep.ts'
import { troubled } from './trouble.ts'

/** How many ms the file of a job is kept after its end. */
const RETAIN = 1_000

const [directory = '.'] = process.argv.slice(2)

await run(
  'job-service',
  async (life, boot) => {
    mkdirSync(join(directory, 'files'), { recursive: true })
    const log = life.use(createWriteStream(join(directory, 'log')), { name: 'log', last: true })
    life.subscribe(({ type, path, outcome, error }) => {
      if (log.writable) log.write(`${[type, path, outcome, error].filter(Boolean).join(' ')}\n`)
    })

    const openStore = troubled('database', () => new Store(join(directory, 'jobs.db')))
    const store = await boot.phase(
      'connections',
      () => boot.step('database', openStore, { close: 'close', impact: 'no job would be remembered' }),
      { critical: true },
    )
    const hasher = openHasher(life)
    const [, prices] = await boot.phase('warm-up', () =>
      Promise.all([
        boot.step('hashing', () => readyHasher(hasher), { impact: 'no result could be verified' }),
        boot.step('pricing', troubled('pricing', loadPrices), { impact: 'nobody would know what a job costs' }),
      ]),
    )
    const progress = new Progress()
    const jobs = new Jobs(life.scope('jobs', { order: 'parallel' }), { directory, store, hasher, progress })
    life.every('sweep', 500, (signal) => sweep(store, directory, RETAIN, signal))

    const server = createServer(handlerFor(life, { jobs, store, prices }))
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
