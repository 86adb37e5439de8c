import { once } from 'node:events'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Lifecycle } from '../../src/index.ts'
import { superviseThread } from '../../src/thread/supervise-thread.ts'
import type { SuperviseThreadPolicy } from '../../src/thread/supervision/thread-policy.ts'
import { monitorOf } from '../fixtures/monitor/threads.ts'
import { until } from '../fixtures/until.ts'

const file = new URL('../fixtures/monitor/thread.ts', import.meta.url)

function supervised(url: URL | string = file, policy: SuperviseThreadPolicy = {}) {
  const life = new Lifecycle({ name: 'life', grace: 500 })
  onTestFinished(async () => {
    await life.close({ force: true })
  })
  return { life, thread: superviseThread(life, url, { backoff: { first: 1, max: 1 }, output: 'ignore', ...policy }) }
}

const program = (source: string): SuperviseThreadPolicy & { url: string } => ({ worker: { eval: true }, url: source })

describe('a thread that ends is begun again', () => {
  test.each([
    ['exits', 'process.exit(3)', { code: 3 }],
    ['exits with 0', 'process.exit(0)', { code: 0 }],
    ['throws', "throw new Error('lost')", { message: 'lost' }],
  ])('after it %s', async (_, source, cause) => {
    const { url, ...policy } = program(
      `process.on('workerMessage', () => {}); require('node:worker_threads').parentPort.once('message', () => { ${source} })`,
    )
    const { life, thread } = supervised(url, policy)
    await thread.ready()
    const first = thread.worker
    first?.postMessage('end')
    await until('it is another', () => thread.incarnation === 2 && thread.state === 'ready')
    expect(thread.worker).not.toBe(first)
    expect(thread.cause).toMatchObject(cause)
    expect(thread.path).toBe('/life/thread')
    expect((await life.close({ force: true })).counts.abandoned).toBe(0)
    expect(thread.worker).toBeUndefined()
  })

  test('unless that is a normal end, where a normal end is the end', async () => {
    const { url, ...policy } = program("console.log('that was it')")
    const { thread } = supervised(url, { ...policy, restart: 'transient' })
    expect(await thread.ended).toEqual({ state: 'stopped', cause: { code: 0, lastWords: ['that was it'] } })
    expect(thread.lastWords).toEqual(['that was it'])
  })
})

test('stopped, it is asked to end, and terminated when its grace is over', async () => {
  for (const [source, code] of [
    ["({ type }) => type === 'endswell:close' && process.exit(0)", 0],
    ['() => {}', 1],
  ] as const) {
    const { url, ...policy } = program(`process.on('workerMessage', ${source}); setInterval(() => {}, 1_000)`)
    const { thread } = supervised(url, { ...policy, grace: 200 })
    await thread.ready()
    const exit = once(thread.worker ?? process, 'exit')
    await thread.stop()
    expect(await exit).toEqual([code])
    expect(thread.state).toBe('stopped')
  }
})

describe('it gives up at once', () => {
  test.each([
    ['where there is no such file', new URL('no-such-file.js', import.meta.url), {}],
    ['where the file is no program', 'const = 1', { worker: { eval: true } }],
  ])('%s', async (_, url, policy) => {
    const { thread } = supervised(url, { ...policy, readyWhen: 'message' })
    await expect(thread.ready()).rejects.toMatchObject({ code: 'ERR_GAVE_UP', cause: expect.any(Error) })
    expect(thread).toMatchObject({ incarnation: 1, state: 'failed' })
  })

  test('but not for what JSON.parse throws', async () => {
    const { url, ...policy } = program("JSON.parse('{')")
    const { thread } = supervised(url, { ...policy, intensity: { max: 2 } })
    await thread.ended
    expect(thread.incarnation).toBe(3)
    expect(thread.cause).toBeInstanceOf(SyntaxError)
  })
})

describe('a life is ready', () => {
  const { url, ...policy } = program(
    "setTimeout(() => require('node:worker_threads').parentPort.postMessage('up'), 50)",
  )
  test('with its first message, which onThread gets as well', async () => {
    const got: unknown[] = []
    const onThread: SuperviseThreadPolicy['onThread'] = (worker, scope) => {
      worker.on('message', (message) => got.push(message, scope.path))
    }
    const { thread } = supervised(url, { ...policy, readyWhen: 'message', onThread })
    await thread.ready()
    expect(got).toEqual(['up', '/life/thread/1'])
  })

  test('when a function says so', async () => {
    const readyWhen = async (worker: import('node:worker_threads').Worker) => void (await once(worker, 'message'))
    const { thread } = supervised(url, { ...policy, readyWhen })
    await thread.ready()
    expect(thread.state).toBe('ready')
  })

  test('or it is ended when it never is', async () => {
    const { thread } = supervised('setInterval(() => {}, 1_000)', {
      ...{ worker: { eval: true }, readyWhen: 'message', readyTimeout: 50, intensity: { max: 0 } },
    })
    await expect(thread.ready()).rejects.toMatchObject({ cause: { code: 'ERR_TIMEOUT' } })
  })
})

test('what it prints goes to a function, line by line', async () => {
  const lines: string[] = []
  const { thread } = supervised("console.log('one\\ntwo'); console.error('three')", {
    ...{ worker: { eval: true }, restart: 'temporary', lastWords: 2 },
    output: (line, from) => lines.push(`${from}: ${line}`),
  })
  await thread.ended
  expect(lines.sort()).toEqual(['stderr: three', 'stdout: one', 'stdout: two'])
  expect(thread.lastWords).toHaveLength(2)
})

test('a monitor ends a life that hangs, and the next goes on; neighbours are untouched', async () => {
  const { life, reports, row, monitor } = monitorOf({ action: 'terminate' })
  const policy = { worker: { workerData: { name: 'pricing' } }, backoff: { first: 1 }, output: 'ignore' } as const
  const thread = superviseThread(life, file, { ...policy, name: 'pricing' })
  const neighbour = superviseThread(life, file, { ...policy, worker: { workerData: { name: 'other' } }, name: 'other' })
  await Promise.all([thread.ready(), neighbour.ready()])
  thread.worker?.postMessage({ way: 'spin' })
  await until('it is found', () => reports.length === 1)
  await until('the next goes on', () => thread.incarnation === 2 && row('pricing')?.verdict === 'running')
  expect(thread.cause).toMatchObject({ code: 1 })
  expect(reports).toMatchObject([{ verdict: 'hung', name: 'pricing', note: 'It is terminated.' }])
  expect(neighbour.incarnation).toBe(1)
  await until('it is counted', () => monitor.counts.terminated === 1)
})

test.each<[object, string, string]>([
  [{ nmae: 'x' }, 'ERR_UNKNOWN_OPTION', "Did you mean 'name'?"],
  [{ worker: { stdout: false } }, 'ERR_OUT_OF_RANGE', "without 'stdout'"],
  [{ readyWhen: 'soon' }, 'ERR_OUT_OF_RANGE', 'policy.readyWhen'],
  [{ lastWords: -1 }, 'ERR_OUT_OF_RANGE', 'policy.lastWords'],
  [{ output: 'loud' }, 'ERR_OUT_OF_RANGE', 'policy.output'],
])('refuses %o', (policy, code, message) => {
  const life = new Lifecycle('life')
  expect(() => superviseThread(life, file, policy)).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining(message) }),
  )
  expect(() => superviseThread(life, 1 as never)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }))
  expect(life.snapshot().size).toBe(0)
})
