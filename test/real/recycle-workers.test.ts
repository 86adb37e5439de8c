import { get } from 'node:http'
import { describe, type TestContext, test } from 'vitest'
import { lives } from '../fixtures/processes.ts'
import { Load } from '../fixtures/recycling/load.ts'
import { Shop } from '../fixtures/recycling/shop.ts'
import { until } from '../fixtures/until.ts'

const MIB = 2 ** 20
/** Waits for little. */
const quick = { count: 2, check: 50, spacing: 0, notice: 100, backoff: { first: 10, jitter: 0 } } as const

/** Longer than any client pauses, also on a machine that has much to do. */
const notice = 1_000

/** How often the workers are recycled under load: 20 times and more in `npm run soak`. */
const ROUNDS = Number(process.env['ENDSWELL_ROUNDS'] ?? 5)

async function open({ onTestFinished }: TestContext, options: object, tempers?: string): Promise<Shop> {
  const shop = new Shop(onTestFinished, { ...quick, ...options }, tempers)
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

// Each has processes of its own: a few tests at a time share the machine.
describe.concurrent('a cluster that is used', { timeout: 60_000 + ROUNDS * 2_000 }, () => {
  test(`drops no request while its two workers are recycled ${ROUNDS} times`, async (context) => {
    const { expect } = context
    const shop = await open(context, { maxRequests: 50, jitter: 20, maxSurge: 2, notice })
    const load = new Load(shop.port, 6)
    await shop.heard('worker.recycled', ROUNDS, 50_000 + ROUNDS * 2_000)
    await load.stop()
    expect(load.failures).toEqual([])
    expect(load.answers.size).toBeGreaterThan(ROUNDS)
    const { workers, counts } = await shop.state()
    expect(counts).toMatchObject({ crashed: 0, aborted: 0 })
    expect(counts.recycled['requests']).toBeGreaterThanOrEqual(ROUNDS)
    expect(workers).toHaveLength(2)
  })

  test('keeps a worker that leaks within bounds, and drops no request for that', async (context) => {
    const { expect } = context
    const maxRss = 150 * MIB
    const shop = await open(context, { count: 1, maxRss, samples: 2, notice }, 'leaks')
    const load = new Load(shop.port, 2)
    const sizes: number[] = []
    await until(
      'it was recycled for its memory twice',
      async () => {
        const { workers, counts } = await shop.state()
        sizes.push(...workers.map(({ rss = 0 }) => rss))
        return (counts.recycled['memory'] ?? 0) >= 2
      },
      40_000,
    )
    await load.stop()
    expect(load.failures).toEqual([])
    // It goes on leaking until two samples were over, its stand-in is there and it has finished.
    expect(Math.max(...sizes)).toBeGreaterThan(maxRss)
    expect(Math.max(...sizes)).toBeLessThan(6 * maxRss)
    // Its seat has come back to where it began.
    expect(Math.min(...(await shop.state()).workers.map(({ rss = 0 }) => rss))).toBeLessThan(2 * maxRss)
  })

  test('replaces all by hand, one after another, also those that know nothing of it', async (context) => {
    const { expect } = context
    const shop = await open(context, {}, 'plain plain serves')
    const before = [...shop.pids]
    shop.order('recycle')
    await shop.heard('done')
    const { workers, counts } = await shop.state()
    expect(counts).toEqual({ recycled: { asked: 2 }, crashed: 0, aborted: 0 })
    expect(workers.map(({ generation }) => generation)).toEqual([2, 2])
    expect(workers.map(({ pid = 0 }) => before.includes(pid))).toEqual([false, false])
    expect(before.some(lives)).toBe(false)
  })

  test('lets slow replies of an old worker end', async (context) => {
    const { expect } = context
    const shop = await open(context, { count: 1, notice: 500 })
    const load = new Load(shop.port, 8, '/slow')
    shop.order('recycle')
    await shop.heard('done')
    await load.stop()
    expect(load.failures).toEqual([])
  })
})

describe.concurrent('a worker that goes by itself', () => {
  test('is begun again while the cluster is open, and what ended it is the cause', async (context) => {
    const { expect } = context
    const shop = await open(context, { count: 1 })
    send(shop, '/exit')
    await until('it is there again', () => changes(shop).includes('worker-1 2 ready'))
    await shop.state()
    process.kill(shop.alive[0] ?? 0, 'SIGKILL')
    await until('it is there again', () => changes(shop).includes('worker-1 3 ready'))
    const causes = shop.told.filter(({ state }) => state === 'backing-off').map(({ cause }) => cause)
    expect(causes).toEqual([
      { code: 4, signal: null, oomHint: false },
      { code: null, signal: 'SIGKILL', oomHint: true },
    ])
    expect((await shop.state()).counts).toEqual({ recycled: {}, crashed: 2, aborted: 0 })
  })

  test('leaves the others serving when it is given up', async ({ expect, onTestFinished }) => {
    const shop = new Shop(onTestFinished, { ...quick, intensity: { max: 1 } }, 'serves fails')
    await shop.heard('failed')
    const { workers } = await shop.state()
    expect(workers.map(({ state }) => state)).toEqual(['ready'])
    const load = new Load(shop.port, 1)
    await until('it serves', () => load.done > 10)
    await load.stop()
    expect(load.failures).toEqual([])
  })
})

describe.concurrent('a replacement', () => {
  test('that fails at its start leaves the old worker in its place', async (context) => {
    const { expect } = context
    const shop = await open(context, { count: 1 }, 'serves fails')
    const { workers: before } = await shop.state()
    shop.order('recycle')
    const { error } = await shop.heard('done')
    expect(error).toContain('before it was ready')
    const { workers, counts } = await shop.state()
    expect(workers.map(({ pid }) => pid)).toEqual(before.map(({ pid }) => pid))
    expect(counts).toEqual({ recycled: {}, crashed: 0, aborted: 1 })
    expect(await shop.heard('resource.error')).toMatchObject({ path: '/shop/cluster/worker-1', reason: 'asked' })
    const load = new Load(shop.port, 1)
    await until('it serves', () => load.done > 10)
    await load.stop()
    expect(load.failures).toEqual([])
  })

  test('of one that hangs has it killed when its time is over', async (context) => {
    const { expect } = context
    const shop = await open(context, { count: 1, drain: 400 })
    const before = shop.alive
    send(shop, '/spin')
    await until('it hangs', async () => (await cpuOf(before[0] ?? 0)) > 40)
    const since = performance.now()
    shop.order('recycle')
    await shop.heard('done')
    expect(performance.now() - since).toBeGreaterThan(400)
    expect(before.some(lives)).toBe(false)
    expect((await shop.state()).counts).toEqual({ recycled: { asked: 1 }, crashed: 0, aborted: 0 })
  })
})

describe.concurrent('the end of the primary', () => {
  test('ends all workers, and begins none any more', async (context) => {
    const { expect } = context
    const shop = await open(context, { maxRequests: 20 })
    const load = new Load(shop.port, 2)
    await shop.heard('worker.recycled')
    await shop.state()
    shop.child.kill('SIGTERM')
    expect(await shop.exit).toEqual({ status: 0, signal: null })
    await load.stop()
    await until('no worker lives', () => shop.alive.length === 0)
    const last = changes(shop).slice(-2)
    expect(last.map((change) => change.split(' ').at(-1))).toEqual(['stopped', 'stopped'])
  })

  test('by a signal to all ends each worker once', async (context) => {
    const { expect } = context
    const shop = await open(context, {})
    for (const pid of shop.alive) process.kill(pid, 'SIGINT')
    shop.child.kill('SIGINT')
    expect(await shop.exit).toEqual({ status: 0, signal: null })
    expect(changes(shop).filter((change) => / 2 ready/.test(change))).toEqual([])
    expect(shop.alive).toEqual([])
  })

  test('does not wait for workers that are deaf longer than they are granted', async (context) => {
    const { expect } = context
    const shop = await open(context, { count: 1, drain: 300 }, 'deaf')
    const since = performance.now()
    shop.child.kill('SIGTERM')
    expect(await shop.exit).toEqual({ status: 80, signal: null })
    expect(performance.now() - since).toBeLessThan(5_000)
    expect(shop.alive).toEqual([])
  })

  test('by SIGKILL ends the workers whose event loop turns', async (context) => {
    const shop = await open(context, { count: 1 })
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
