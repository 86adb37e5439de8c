import { EndswellError, Lifecycle, SuppressedError } from 'endswell'
import { FakeClock } from 'endswell/testing'
import { describe, expect, test } from 'vitest'
import { Log, never, wait } from './stubs.ts'

describe('disposeAsync', () => {
  test('resolves at once when called again, also while the first is under way', async () => {
    const clock = new FakeClock()
    const life = new Lifecycle({ clock })
    life.defer(() => wait(clock, 10))
    const first = life.disposeAsync()
    await life.disposeAsync()
    expect(life.state).toBe('closing')
    await clock.advance(10)
    await first
    await life.disposeAsync()
  })

  test('resolves at once while close() is under way, and after it', async () => {
    const clock = new FakeClock()
    const life = new Lifecycle({ clock })
    life.defer(() => wait(clock, 10).then(() => Promise.reject(new Error('no'))))
    const closing = life.close()
    await life.disposeAsync()
    expect(life.state).toBe('closing')
    await clock.advance(10)
    expect((await closing).counts.failed).toBe(1)
    await life.disposeAsync()
  })

  test('rejects with the very error where one disposer failed, whatever it is', async () => {
    for (const error of [new Error('no'), 'no', 0, undefined, null]) {
      const life = new Lifecycle()
      life.defer(() => Promise.reject(error))
      life.defer(() => {})
      await expect(
        life.disposeAsync().then(
          () => 'resolved',
          (reason) => ({ reason }),
        ),
      ).resolves.toEqual({ reason: error })
    }
  })

  test('rejects with a chain where several failed, the newest outside, and all run', async () => {
    const life = new Lifecycle()
    const log = new Log()
    const errors = ['one', 'two', 'three'].map((name) => new Error(name))
    for (const error of errors) {
      life.defer(log.at(error.message))
      life.defer(() => {
        throw error
      })
    }
    const rejected: SuppressedError = await life.disposeAsync().then(
      () => Promise.reject(new Error('it resolved')),
      (error) => error,
    )
    expect(rejected).toBeInstanceOf(SuppressedError)
    expect(rejected.error).toBe(errors[0])
    expect(rejected.suppressed).toBeInstanceOf(SuppressedError)
    expect(rejected.suppressed).toMatchObject({ error: errors[1], suppressed: errors[2] })
    expect(log.lines).toEqual(['three', 'two', 'one'])
  })

  test('rejects with ERR_ABANDONED for what did not end, in the chain with the errors', async () => {
    const clock = new FakeClock()
    const life = new Lifecycle({ name: 'app', clock, grace: 100 })
    const error = new Error('no')
    life.defer(() => Promise.reject(error))
    life.defer(never, { name: 'hangs' })
    const disposed = life.disposeAsync().catch((reason) => reason)
    await clock.advance(100)
    const rejected = await disposed
    expect(rejected).toBeInstanceOf(SuppressedError)
    expect(rejected.error).toBe(error)
    expect(rejected.suppressed).toBeInstanceOf(EndswellError)
    expect(rejected.suppressed).toMatchObject({ code: 'ERR_ABANDONED', path: '/app/hangs' })
  })

  test('does not reject for what was merely forced', async () => {
    const clock = new FakeClock()
    const life = new Lifecycle({ clock, grace: 100 })
    life.use({}, { close: never, force: () => {} })
    const disposed = life.disposeAsync()
    await clock.advance(100)
    await disposed
    expect((await life.close()).counts.forced).toBe(1)
  })

  test('keeps the timeout of its lifecycle', async () => {
    const clock = new FakeClock()
    const life = new Lifecycle({ clock, timeout: 1_000, grace: 60_000 })
    life.defer(never)
    const disposed = life.disposeAsync().catch((reason) => reason)
    await clock.advance(2_000)
    expect(await disposed).toMatchObject({ code: 'ERR_ABANDONED' })
    expect(clock.pending).toBe(0)
  })

  test('keeps the error of the body outside its own, with await using', async () => {
    const [body, disposer] = [new Error('body'), new Error('disposer')]
    const work = async (): Promise<void> => {
      await using life = new Lifecycle()
      life.defer(() => Promise.reject(disposer))
      throw body
    }
    await expect(work()).rejects.toMatchObject({ error: disposer, suppressed: body })
  })

  test('called on something else rejects, and never throws', async () => {
    const { disposeAsync } = Lifecycle.prototype
    for (const other of [undefined, null, 1, {}, Object.create(Lifecycle.prototype)]) {
      await expect(disposeAsync.call(other)).rejects.toBeInstanceOf(TypeError)
    }
  })
})

describe('close', () => {
  test('never rejects: what failed is in the report', async () => {
    const life = new Lifecycle('app')
    const error = new Error('no')
    life.defer(() => Promise.reject(error), { name: 'db' })
    const { counts, rows } = await life.close()
    expect(counts).toEqual({ closed: 0, forced: 0, failed: 1, abandoned: 0 })
    expect(rows).toMatchObject([{ path: '/app/db', outcome: 'failed', error }])
    expect(rows[0]?.error).toBe(error)
  })

  test('says why, for the report and for the kinds', async () => {
    const life = new Lifecycle()
    life.defer(() => {})
    expect((await life.close({ reason: 'SIGTERM' })).reason).toBe('SIGTERM')
    expect((await new Lifecycle().close({ reason: 'SIGTERM' })).reason).toBe('SIGTERM')
    expect((await new Lifecycle().close()).reason).toBe('close() was called')
  })

  test('has nothing to do where nothing is held, as often as it is called', async () => {
    const life = new Lifecycle('app')
    for (let time = 0; time < 3; time += 1) {
      expect(await life.close()).toMatchObject({ path: '/app', complete: true, ms: 0, rows: [] })
      expect(life.state).toBe('closed')
    }
  })
})
