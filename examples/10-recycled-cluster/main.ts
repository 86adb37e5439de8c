/**
 * A cluster of two whose workers are replaced while they are used: first each after so many requests, then the one
 * that has grown too large. Its clients keep their connections, and see nothing of that.
 */
import cluster from 'node:cluster'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { run } from 'endswell'
import { recycleWorkers } from 'endswell/thread'
import { Clients } from './clients.ts'

await run(
  'shop',
  async (life) => {
    const workers = recycleWorkers(life, cluster, {
      exec: { exec: fileURLToPath(new URL('./worker.ts', import.meta.url)) },
      count: 2,
      maxRequests: 100,
      jitter: 50,
      maxRss: 200 * 2 ** 20,
      samples: 1,
      check: 50,
      spacing: 100,
      notice: 200,
    })
    const [, { port }] = await once(cluster, 'listening')
    await workers.ready()
    console.log(`${workers.workers.length} workers serve`)

    const clients = new Clients(port, 2)
    const recycled = async (reason: string, times: number): Promise<void> => {
      while ((workers.counts.recycled[reason] ?? 0) < times) await sleep(20)
      console.log(`at least ${times} recycled for ${reason}, all others go on`)
    }
    await recycled('requests', 2)
    clients.path = '/report'
    await recycled('memory', 1)
    await clients.stop()

    const { crashed, aborted } = workers.counts
    console.log(`${clients.failed} requests failed, ${crashed} workers crashed, ${aborted} did not come up`)
  },
  { until: 'main', report: false },
)
