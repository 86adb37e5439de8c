import { setTimeout as sleep } from 'node:timers/promises'
import { Piscina } from 'piscina'
import { Tinypool } from 'tinypool'
import { describe, expect, onTestFinished, test } from 'vitest'
import { registerThread } from '../../src/thread/register-thread.ts'
import { block, isFree, monitorOf, threadOf, until } from '../fixtures/monitor/threads.ts'

const pooled = new URL('../fixtures/monitor/pool-worker.js', import.meta.url).href

describe('nobody is accused', () => {
  test('who waits: by Atomics.wait, or has said so, or in an idle pool of piscina or tinypool', async () => {
    const { reports, row, monitor } = monitorOf()
    const size = { filename: pooled, minThreads: 2, maxThreads: 2 }
    const pools = [new Piscina(size), new Tinypool({ ...size, runtime: 'worker_threads' })]
    onTestFinished(async () => void (await Promise.all(pools.map((pool) => pool.destroy()))))
    await Promise.all(pools.flatMap((pool) => [1, 2, 3, 4].map((ms) => pool.run(ms))))
    await threadOf('waits', { way: 'wait' })
    const parks = await threadOf('parks', { way: 'park', ms: 1_200 })
    const parked = () => monitor.threads.filter(({ verdict }) => verdict === 'parked').length
    await until('all are known to wait', () => parked() === 6)
    await until('one goes on', () => row('parks')?.verdict === 'running')
    await isFree(parks)
    expect(parked()).toBe(5)
    await Promise.all(pools.map((pool) => pool.run(1)))
    await sleep(400)
    expect(reports).toEqual([])
    expect(monitor.counts).toMatchObject({ hung: 0, native: 0 })
  })

  test('of the threads of a pool that go from task to task; one that is stuck in a task is hung until it is not', async () => {
    const { reports, monitor } = monitorOf({ hang: 400 })
    const pool = new Piscina({ filename: pooled, minThreads: 1, maxThreads: 1 })
    onTestFinished(() => pool.destroy())
    await Promise.all(Array.from({ length: 12 }, () => pool.run(80)))
    expect(reports.filter(({ verdict }) => verdict !== 'busy' && verdict !== 'recovered')).toEqual([])
    await until('it waits', () => monitor.threads[0]?.verdict === 'parked')
    reports.length = 0
    const hung = () => reports.find(({ verdict }) => verdict === 'hung')
    // After tasks that followed each other it has more time than `hang` says.
    await pool.run(4_000)
    await until('it has recovered', () => reports.at(-1)?.verdict === 'recovered')
    expect(hung()).toMatchObject({ name: 'pool' })
    expect(hung()?.frames).toContainEqual(expect.objectContaining({ function: 'spin' }))
    expect(monitor.threads[0]?.verdict).toBe('parked')
  })

  test('of it that the monitor itself was blocked, three times for twice as long as a thread may be silent', async () => {
    const { reports, monitor, row } = monitorOf({ hang: 200 })
    await threadOf('one')
    await threadOf('two', { way: 'wait' })
    await until('it waits', () => row('two')?.verdict === 'parked')
    for (let times = 0; times < 3; times += 1) {
      block(400)
      await sleep(20)
    }
    await sleep(400)
    expect(reports).toEqual([])
    expect(monitor.counts.restarts).toBeGreaterThanOrEqual(3)
    expect(monitor.counts).toMatchObject({ hung: 0, native: 0 })
  })

  test('who shows signs of life in a loop', async () => {
    const { reports, row } = monitorOf()
    await threadOf('beats', { way: 'spin and beat' })
    await until('it has begun', () => (row('beats')?.beats ?? 0) > 1_000)
    await sleep(400)
    expect(reports).toEqual([])
  })
})

test('a thread that works without a pause, but beats, is busy, and is left alone', async () => {
  const { reports, row } = monitorOf({ busy: 400, action: 'terminate' })
  const thread = await threadOf('busy', { way: 'work' })
  await until('it is found', () => reports.length > 0)
  expect(reports[0]).toMatchObject({ verdict: 'busy', frames: [] })
  expect(reports[0]?.elu).toBeGreaterThan(0.98)
  expect(row('busy')?.verdict).toBe('busy')
  expect(thread.threadId).not.toBe(-1)
})

test('the main thread can register as well, and is never silent to itself', async () => {
  const { reports, row } = monitorOf()
  using main = registerThread('main')
  expect(main.isMonitored).toBe(true)
  await until('it is known', () => row('main')?.verdict === 'running')
  block(400)
  await sleep(200)
  expect(row('main')?.verdict).toBe('running')
  expect(reports).toEqual([])
})
