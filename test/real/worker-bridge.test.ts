import { execFileSync } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Lifecycle } from 'endswell'
import { ThreadMonitor, WorkerBridge, type WorkerBridgeOptions } from 'endswell/thread'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { handlers } from '../fixtures/bridge/worker.ts'
import { lineOf, Program, rowOf } from '../fixtures/run/program.ts'
import { until } from '../fixtures/until.ts'

/** A pipe to which nobody writes: who opens it to read hangs in the kernel, until it is released. */
class SilentPipe {
  readonly path: string
  #writer: number | undefined = undefined

  constructor() {
    const folder = mkdtempSync(join(tmpdir(), 'endswell-'))
    this.path = join(folder, 'fifo')
    execFileSync('mkfifo', [this.path])
    onTestFinished(() => {
      this.release()
      rmSync(folder, { recursive: true })
    })
  }

  /** Resolves when somebody hangs in it: it can be opened for writing only while somebody reads it. */
  async isRead(): Promise<void> {
    await until('somebody reads', () => {
      try {
        this.#writer = openSync(this.path, constants.O_WRONLY | constants.O_NONBLOCK)
        return true
      } catch {
        return false
      }
    })
  }

  /** Has whoever reads it go on. */
  release(): void {
    if (this.#writer !== undefined) closeSync(this.#writer)
    this.#writer = undefined
  }
}

function open(options: WorkerBridgeOptions = {}, life = new Lifecycle({ name: 'app', grace: 1_000 })) {
  const url = new URL('../fixtures/bridge/worker.ts', import.meta.url)
  const times = { grace: 100, cancelGrace: 100, terminateTimeout: 1_000 }
  return { life, bridge: new WorkerBridge<typeof handlers>(life, url, { ...times, ...options }) }
}

/** Resolves when the only thread has been busy for a while without a break. */
async function spins({ threads: [thread] }: WorkerBridge<typeof handlers>): Promise<void> {
  if (thread === undefined) throw new Error('no thread')
  const { performance: watch } = thread.worker
  let last = watch.eventLoopUtilization()
  await until('it spins', () => {
    const now = watch.eventLoopUtilization()
    const { active, idle } = watch.eventLoopUtilization(now, last)
    if (idle > 0) last = now
    return idle === 0 && active > 20
  })
}

describe('a call that is stuck in JavaScript', () => {
  test('is cancelled at once, the next one runs, and everything ends gently', async () => {
    const { life, bridge } = open()
    await bridge.ready()
    const controller = new AbortController()
    const call = bridge.call('spin', [], { signal: controller.signal })
    const reason = new Error('enough')
    await spins(bridge)
    const began = performance.now()
    controller.abort(reason)
    await expect(call).rejects.toBe(reason)
    expect(performance.now() - began).toBeLessThan(200)
    expect(await bridge.call('echo', ['next'])).toBe('next')
    const report = await life.close()
    expect(report.counts).toMatchObject({ forced: 0, failed: 0, abandoned: 0 })
    expect(bridge.counts).toMatchObject({ abandoned: 0, running: 0 })
  })

  test('does not hold up the closing for longer than its times', async () => {
    const { life, bridge } = open()
    await bridge.ready()
    const call = bridge.call('spin', [])
    const waiting = bridge.call('echo', [1])
    await spins(bridge)
    const [report] = await Promise.all([
      life.close(),
      expect(call).rejects.toMatchObject({ code: 'ERR_ABORTED' }),
      expect(waiting).rejects.toMatchObject({ code: 'ERR_ABORTED' }),
    ])
    expect(report.ms).toBeLessThan(2_000)
    expect(report.counts.abandoned).toBe(0)
  })
})

describe('a call that is stuck in native code', () => {
  test('is cancelled at once, the next one runs on another thread, and the closing says what was left behind', async () => {
    const fifo = new SilentPipe()
    const { life, bridge } = open()
    const before = await bridge.call('thread', [])
    const controller = new AbortController()
    const call = bridge.call('reads', [fifo.path], { signal: controller.signal })
    await fifo.isRead()
    const next = bridge.call('thread', [])
    controller.abort()
    await expect(call).rejects.toMatchObject({ name: 'AbortError' })
    expect(await next).not.toBe(before)
    expect(bridge.counts.abandoned).toBe(1)
    expect(bridge.threads.map(({ path }) => path)).toEqual(['/app/bridge/thread-2/1'])
    const report = await life.close()
    expect(report.counts.abandoned).toBe(1)
    expect(report.rows).toContainEqual(
      expect.objectContaining({ path: '/app/bridge thread-1', kind: 'worker', outcome: 'abandoned' }),
    )
  })

  test('is lost when a monitor finds it, which the bridge then knows as well, and the next one runs', async () => {
    const fifo = new SilentPipe()
    const life = new Lifecycle({ name: 'app', grace: 1_000 })
    const monitor = new ThreadMonitor(life, { hang: 200, beat: 50, check: 50, action: 'terminate' })
    const { bridge } = open({ taskTimeout: Number.POSITIVE_INFINITY }, life)
    const call = bridge.call('reads', [fifo.path])
    const next = bridge.call('echo', ['waits'])
    const message = expect.stringContaining('terminated: its monitor has found it native')
    await expect(call).rejects.toMatchObject({
      code: 'ERR_WORKER_LOST',
      message,
      cause: { cause: { verdict: 'native' } },
    })
    expect(await next).toBe('waits')
    expect([bridge.counts.abandoned, monitor.counts.native]).toEqual([1, 1])
    expect((await life.close()).counts.abandoned).toBe(1)
  })

  test('does not hold up the closing for longer than its times', async () => {
    const fifo = new SilentPipe()
    const { life, bridge } = open()
    await bridge.ready()
    const call = bridge.call('reads', [fifo.path])
    await fifo.isRead()
    const [{ worker } = { worker: undefined }] = bridge.threads
    const closing = bridge.close()
    await expect(call).rejects.toMatchObject({ code: 'ERR_ABORTED' })
    expect(await closing).toEqual({ drained: 0, cancelled: 1, dropped: 0, abandoned: 1 })
    const report = await life.close()
    expect(report.rows).toMatchObject([{ path: '/app/bridge thread-1', outcome: 'abandoned' }])
    fifo.release()
    await until('it has ended', () => worker?.threadId === -1)
  })

  test('with more of them than may be abandoned, the bridge has failed, and says why', async () => {
    const fifo = new SilentPipe()
    const { life, bridge } = open({ maxAbandoned: 0 })
    await bridge.ready()
    const call = bridge.call('reads', [fifo.path], { timeout: 300 })
    const waiting = bridge.call('echo', [1])
    await fifo.isRead()
    await expect(call).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_GAVE_UP', cause: { code: 'ERR_ABANDONED' } })
    expect(bridge.state).toBe('failed')
    expect((await life.close()).counts.abandoned).toBe(1)
  })
})

describe('a program', () => {
  test.each(['closing', 'before'])('whose thread is stuck in native code ends with its status: %s', async (when) => {
    const { status, out, err } = await new Program('bridge-stuck.ts', [when, 'reads', new SilentPipe().path]).exit
    expect(out).toContain(when === 'before' ? 'rejected: ERR_TIMEOUT\nnext 43\n' : 'rejected: ERR_ABORTED\n')
    expect({ status, said: out.trimEnd().split('\n').at(-1) }).toEqual({ status: 81, said: 'exits with 81' })
    expect(lineOf(err).counts.abandoned).toBe(1)
    const path = when === 'before' ? '/app/bridge thread-1' : '/app/bridge/thread-1/1/worker'
    expect(rowOf(err, path)).toMatchObject({ kind: 'worker', outcome: 'abandoned' })
    expect(err).not.toContain('unhandled')
  })

  test('whose thread spins ends, and says that a call was cancelled', async () => {
    const { status, out, err } = await new Program('bridge-stuck.ts', ['closing', 'spin']).exit
    expect(out).toBe('rejected: ERR_ABORTED\nexits with 80\n')
    expect(status).toBe(80)
    expect(rowOf(err, '/app/bridge/calls')).toMatchObject({ outcome: 'forced' })
  })

  test('is not kept alive by threads that have nothing to do', async () => {
    const { status, out } = await new Program('bridge-stuck.ts', ['idle']).exit
    expect({ status, out }).toEqual({ status: 0, out: 'answer 42\nexits with 0\n' })
  })
})
