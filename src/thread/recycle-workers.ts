import type { Cluster } from 'node:cluster'
import { isObject, LONGEST_TIMEOUT, wrongType } from '../lifecycle/check.ts'
import { Lifecycle, scopeOf } from '../lifecycle/lifecycle.ts'
import { PLAIN, splitPlace } from '../lifecycle/place.ts'
import { BridgeCrew, type RecyclableBridge } from './recycling/bridge-crew.ts'
import { ClusterCrew } from './recycling/cluster-crew.ts'
import { checkRecycle, type RecycleOptions } from './recycling/recycle-options.ts'
import { type RecycledWorkers, Recycler } from './recycling/recycler.ts'

/**
 * Replaces workers before they are worn out: after so many requests, after so long, when they have grown too large, or
 * on request. The replacement serves before the old one goes, which then finishes what it has begun; and one at a time,
 * with a distance between them, whatever chance has drawn.
 *
 * A cluster is started by it, and kept: a worker that ends by itself is begun again, as `supervise` does, and all are
 * ended with `life`. In the workers, `recyclable(life)` counts requests, tells the size of the process, and goes without
 * dropping a connection. Of a `WorkerBridge`, threads are replaced by calls, age and heap; that is kept by itself.
 *
 * Where a replacement does not come up, the old worker stays, and the next attempt waits, longer each time.
 *
 * @throws ReferenceError (`ERR_CLOSED`) once closing has begun; TypeError or RangeError for a bad argument.
 * @example
 * ```ts
 * await run('shop', async (life) => {
 *   const workers = recycleWorkers(life, cluster, {
 *     exec: { exec: fileURLToPath(new URL('./worker.js', import.meta.url)) },
 *     maxRequests: 100_000,
 *     jitter: 20_000,
 *     maxRss: 512 * 2 ** 20,
 *   })
 *   await workers.ready()
 * })
 * ```
 */
export function recycleWorkers(
  life: Lifecycle,
  target: Cluster | RecyclableBridge,
  options: RecycleOptions = PLAIN,
): RecycledWorkers {
  if (!(life instanceof Lifecycle)) throw wrongType('life', 'a Lifecycle', life)
  if (isCluster(target)) {
    checkRecycle(options, 'cluster')
    const home = homeIn(life, options, 'cluster')
    return new Recycler(home, options, (watcher) => new ClusterCrew(home, target, options, watcher))
  }
  if (!isBridge(target)) throw wrongType('target', 'the default export of node:cluster, or a WorkerBridge', target)
  checkRecycle(options, 'bridge')
  const home = homeIn(life, options, 'recycling')
  return new Recycler(home, options, (watcher) => new BridgeCrew(home, target, options, watcher))
}

/** How many ms are left for killing when the time to drain is over. */
const KILLING = 2_000

/** All go at once: they do not need one another. The lifecycle's own time does not cut short what a worker may take. */
function homeIn(life: Lifecycle, options: RecycleOptions, usual: string): Lifecycle {
  const [place] = splitPlace(options)
  const name = options.name ?? usual
  scopeOf(life).checkOpen()
  const timeout = Math.min(LONGEST_TIMEOUT, (options.drain ?? 30_000) + KILLING)
  return life.scope(name, { ...place, order: 'parallel', timeout })
}

function isCluster(target: unknown): target is Cluster {
  return isObject(target) && 'fork' in target && 'setupPrimary' in target
}

function isBridge(target: unknown): target is RecyclableBridge {
  return isObject(target) && 'recycle' in target && 'threads' in target
}
