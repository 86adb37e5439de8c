import { get } from 'node:http'
import { describe, expect, test } from 'vitest'
import { lives } from '../fixtures/processes.ts'
import { Load } from '../fixtures/recycling/load.ts'
import { Shop } from '../fixtures/recycling/shop.ts'
import { until } from '../fixtures/until.ts'

const MIB = 2 ** 20
/** Waits for little. */
const quick = { count: 2, check: 50, spacing: 0, notice: 100, backoff: { first: 10, jitter: 0 } } as const

async function open(options: object, tempers?: string): Promise<Shop> {
  const shop = new Shop({ ...quick, ...options }, tempers)
  await shop.heard('ready')
  await shop.state()
  return shop
}

/** Sends a request that perhaps nobody answers. */
function send({ port }: Shop, path: string): void {
  get({ host: '127.0.0.1', port, path }).on('error', () => {})
}

/** What has become of each seat, such as `worker-1 2 ready`. */
function changes({ told }: Shop): string[] {
  return told
    .filter(({ type }) => type === 'supervised.changed')
    .map(({ path = '', incarnation, state }) => `${path.split('/').at(-1)} ${incarnation} ${state}`)
}

describe('a cluster that is used', { timeout: 60_000 }, () => {
  test('drops no request while its two workers are recycled 20 times', async () => {
    const shop = await open({ maxRequests: 100, jitter: 50 })
    const load = new Load(shop.port, 6)
    await shop.heard('worker.recycled', 20, 50_000)
    await load.stop()
    expect(load.failures).toEqual([])
    expect(load.answers.size).toBeGreaterThan(20)
    const { workers, counts } = await shop.state()
    expect(counts).toMatchObject({ crashed: 0, aborted: 0 })
    expect(counts.recycled['requests']).toBeGreaterThanOrEqual(20)
    expect(workers).toHaveLength(2)
  })

  test('keeps a worker that leaks within bounds, and drops no request for that', async () => {
    const maxRss = 150 * MIB
    const shop = await open({ maxRss, samples: 2 }, 'leaks')
    const load = new Load(shop.port, 2)
    const sizes: number[] = []
    await until(
      'it was recycled for its memory 3 times',
      async () => {
        const { workers, counts } = await shop.state()
        sizes.push(...workers.map(({ rss = 0 }) => rss))
        return (counts.recycled['memory'] ?? 0) >= 3
      },
      40_000,
    )
    await load.stop()
    expect(load.failures).toEqual([])
    // It goes on leaking until two samples were over, its stand-in is there and it has finished.
    expect(Math.max(...sizes)).toBeGreaterThan(maxRss)
    expect(Math.max(...sizes)).toBeLessThan(4 * maxRss)
    // Each seat has come back to where it began.
    expect(Math.min(...(await shop.state()).workers.map(({ rss = 0 }) => rss))).toBeLessThan(2 * maxRss)
  })

  test('replaces all by hand, one after another, also those that know nothing of it', async () => {
    const shop = await open({}, 'plain plain serves')
    const before = [...shop.pids]
    shop.order('recycle')
    await shop.heard('done')
    const { workers, counts } = await shop.state()
    expect(counts).toEqual({ recycled: { asked: 2 }, crashed: 0, aborted: 0 })
    expect(workers.map(({ generation }) => generation)).toEqual([2, 2])
    expect(workers.map(({ pid = 0 }) => before.includes(pid))).toEqual([false, false])
    expect(before.some(lives)).toBe(false)
  })

  test('lets slow replies of an old worker end', async () => {
    const shop = await open({ notice: 50 })
    const load = new Load(shop.port, 8, '/slow')
    for (const done of [1, 2]) {
      shop.order('recycle')
      await shop.heard('done', done)
    }
    await load.stop()
    expect(load.failures).toEqual([])
  })
})

describe('a worker that goes by itself', () => {
  test('is begun again while the cluster is open, and its status is the cause', async () => {
    const shop = await open({})
    send(shop, '/exit')
    await until('it is there again', () => changes(shop).some((change) => / 2 ready/.test(change)))
    const cause = shop.told.find(({ state }) => state === 'backing-off')?.cause
    expect(cause).toEqual({ code: 4, signal: null, oomHint: false })
    expect((await shop.state()).counts).toEqual({ recycled: {}, crashed: 1, aborted: 0 })
  })

  test('killed by somebody else, may have been out of memory', async () => {
    const shop = await open({ count: 1 })
    const [pid = 0] = shop.alive
    process.kill(pid, 'SIGKILL')
    await until('it is there again', () => changes(shop).includes('worker-1 2 ready'))
    const cause = shop.told.find(({ state }) => state === 'backing-off')?.cause
    expect(cause).toEqual({ code: null, signal: 'SIGKILL', oomHint: true })
  })

  test('is begun again after waits that grow, and given up where it fails each time at its start', async () => {
    const backoff = { first: 20, factor: 3, jitter: 0 }
    const shop = new Shop({ ...quick, count: 1, backoff, intensity: { max: 3 } }, 'fails')
    await shop.heard('failed')
    const waits = shop.told.filter(({ state }) => state === 'backing-off').map(({ timeout }) => timeout)
    expect(waits).toEqual([20, 60, 180])
    expect(changes(shop).at(-1)).toBe('worker-1 4 failed')
  })

  test('leaves the others serving when it is given up', async () => {
    const shop = new Shop({ ...quick, intensity: { max: 1 } }, 'serves fails')
    await shop.heard('failed')
    const { workers } = await shop.state()
    expect(workers.map(({ state }) => state)).toEqual(['ready'])
    const load = new Load(shop.port, 1)
    await until('it serves', () => load.done > 10)
    await load.stop()
    expect(load.failures).toEqual([])
  })
})

describe('a replacement', () => {
  test.each([
    ['fails at its start', 'fails', 'before it was ready'],
    ['is not ready in time', 'never', 'it had 2000 ms'],
  ])('that %s leaves the old worker in its place', async (_, temper, message) => {
    const shop = await open({ count: 1, readyTimeout: 2_000 }, `serves ${temper}`)
    const { workers: before } = await shop.state()
    shop.order('recycle')
    const { error } = await shop.heard('done')
    expect(error).toContain(message)
    const { workers, counts } = await shop.state()
    expect(workers.map(({ pid }) => pid)).toEqual(before.map(({ pid }) => pid))
    expect(counts).toEqual({ recycled: {}, crashed: 0, aborted: 1 })
    expect(await shop.heard('resource.error')).toMatchObject({ path: '/shop/cluster/worker-1', reason: 'asked' })
    const load = new Load(shop.port, 1)
    await until('it serves', () => load.done > 10)
    await load.stop()
    expect(load.failures).toEqual([])
  })

  test('of one that does not finish has it killed when its time is over', async () => {
    const shop = await open({ count: 1, drain: 400 }, 'deaf serves')
    const before = shop.alive
    const since = performance.now()
    shop.order('recycle')
    await shop.heard('done')
    expect(performance.now() - since).toBeGreaterThan(400)
    expect(before.some(lives)).toBe(false)
    expect((await shop.state()).counts).toEqual({ recycled: { asked: 1 }, crashed: 0, aborted: 0 })
  })

  test('of one that hangs has it killed when its time is over', async () => {
    const shop = await open({ count: 1, drain: 400 })
    const before = shop.alive
    send(shop, '/spin')
    await until('it hangs', async () => (await cpuOf(before[0] ?? 0)) > 20)
    shop.order('recycle')
    await shop.heard('done')
    expect(before.some(lives)).toBe(false)
  })
})

describe('the end of the primary', () => {
  test('ends all workers, and begins none any more', async () => {
    const shop = await open({ maxRequests: 20 })
    const load = new Load(shop.port, 2)
    await shop.heard('worker.recycled')
    await shop.state()
    shop.child.kill('SIGTERM')
    expect(await shop.exit).toEqual({ status: 0, signal: null })
    await load.stop()
    await until('no worker lives', () => shop.alive.length === 0)
    expect(
      changes(shop)
        .slice(-2)
        .every((change) => change.endsWith('stopped')),
    ).toBe(true)
  })

  test('by a signal to all ends each worker once', async () => {
    const shop = await open({})
    for (const pid of shop.alive) process.kill(pid, 'SIGINT')
    shop.child.kill('SIGINT')
    expect(await shop.exit).toEqual({ status: 0, signal: null })
    expect(changes(shop).filter((change) => / 2 ready/.test(change))).toEqual([])
    expect(shop.alive).toEqual([])
  })

  test('does not wait for workers that are deaf longer than they are granted', async () => {
    const shop = await open({ drain: 300 }, 'deaf')
    const since = performance.now()
    shop.child.kill('SIGTERM')
    expect(await shop.exit).toEqual({ status: 80, signal: null })
    expect(performance.now() - since).toBeLessThan(5_000)
    expect(shop.alive).toEqual([])
  })

  test('by SIGKILL ends the workers whose event loop turns', async () => {
    const shop = await open({})
    const load = new Load(shop.port, 2)
    await until('it is used', () => load.done > 20)
    shop.child.kill('SIGKILL')
    await until('no worker lives', () => shop.alive.length === 0)
    await load.stop()
  })
})

/** How many hundredths of a second a process has computed. */
async function cpuOf(pid: number): Promise<number> {
  const { readFile } = await import('node:fs/promises')
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? []
  return Number(fields[11]) + Number(fields[12])
}
