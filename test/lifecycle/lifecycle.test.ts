import { Lifecycle } from 'endswell'
import { FakeClock } from 'endswell/testing'
import { describe, expect, test } from 'vitest'
import { Log, thrownBy, wait } from './stubs.ts'

describe('a lifecycle', () => {
  test('has a name, the word itself by default, and is the root of its paths', () => {
    expect(new Lifecycle('orders').path).toBe('/orders')
    expect(new Lifecycle({ name: 'orders' }).path).toBe('/orders')
    expect(new Lifecycle().path).toBe('/lifecycle')
  })

  test('is open, then closing, then closed, and disposed from the moment that closing begins', async () => {
    const clock = new FakeClock()
    const life = new Lifecycle({ clock })
    life.defer(() => wait(clock, 10))
    expect(life).toMatchObject({ state: 'open', disposed: false })
    const closing = life.close()
    expect(life).toMatchObject({ state: 'closing', disposed: true })
    await clock.advance(10)
    await closing
    expect(life).toMatchObject({ state: 'closed', disposed: true })
  })

  test('refuses every registration from the moment that closing begins, with exactly a ReferenceError', async () => {
    const life = new Lifecycle('orders')
    const refused: unknown[] = []
    const register = (): void => {
      for (const attempt of [
        () => life.use({ [Symbol.dispose]() {} }),
        () => life.adopt(1, () => {}),
        () => life.defer(() => {}),
        () => life.move(),
        () => life.task('task', () => {}),
        () => life.every('every', 10, () => {}),
        () => life.after('after', 10, () => {}),
        () =>
          life.acquire(
            'acquire',
            () => {},
            () => {},
          ),
      ]) {
        const error = thrownBy(attempt)
        expect(error.constructor).toBe(ReferenceError)
        refused.push(error.code, error.message)
      }
    }
    life.defer(register)
    await life.disposeAsync()
    register()
    expect(new Set(refused)).toEqual(
      new Set([
        'ERR_CLOSED',
        '/orders is closing and takes no more resources.',
        '/orders is closed and takes no more resources.',
      ]),
    )
    expect(refused).toHaveLength(32)
  })

  test.each([1_000, 2_000])('counts %i disposers once each, with a name on every one', async (count) => {
    const life = new Lifecycle({ name: 'orders', leaks: 'off' })
    const calls = new Map<number, number>()
    for (let at = 0; at < count; at += 1) {
      life.defer(() => void calls.set(at, (calls.get(at) ?? 0) + 1), { name: `n${at}` })
    }
    const { counts, rows } = await life.close()
    expect(counts.closed).toBe(count)
    expect(rows).toHaveLength(1_000)
    expect([...calls.values()].every((times) => times === 1)).toBe(true)
    expect(calls.size).toBe(count)
  })

  test('works with await using', async () => {
    const log = new Log()
    {
      await using life = new Lifecycle()
      life.defer(log.at('ended'))
      log.at('body')()
    }
    expect(log.lines).toEqual(['body', 'ended'])
  })

  test('shows itself by its own name', () => {
    expect(Object.prototype.toString.call(new Lifecycle())).toBe('[object Lifecycle]')
  })
})

describe('its signal', () => {
  test.each([
    ['close', (life: Lifecycle) => life.close()],
    ['disposeAsync', (life: Lifecycle) => life.disposeAsync()],
  ])('aborts when %s begins, before the first resource is ended', async (_how, end) => {
    const life = new Lifecycle()
    const log = new Log()
    life.signal.addEventListener('abort', log.at('abort'))
    life.defer(log.at('ended'))
    const ending = end(life)
    expect(log.lines).toEqual(['abort', 'ended'])
    await ending
    expect(life.signal.aborted).toBe(true)
  })

  test('is one and the same, and aborted when first asked for after closing', async () => {
    const life = new Lifecycle()
    expect(life.signal).toBe(life.signal)
    const never = new Lifecycle()
    await never.close()
    expect(never.signal.aborted).toBe(true)
  })

  test('of a scope aborts when that closes, not when its parent begins to', async () => {
    const clock = new FakeClock()
    const life = new Lifecycle({ clock })
    const scope = life.scope('inside')
    scope.defer(() => {})
    life.defer(() => wait(clock, 10))
    const { signal } = scope
    const closing = life.close()
    expect(signal.aborted).toBe(false)
    await clock.advance(10)
    await closing
    expect(signal.aborted).toBe(true)
  })

  test('may close the lifecycle again when it aborts', async () => {
    const life = new Lifecycle()
    const log = new Log()
    life.defer(log.at('ended'))
    const again: unknown[] = []
    life.signal.addEventListener('abort', () => again.push(life.close()))
    const report = await life.close()
    expect(await again[0]).toBe(report)
    expect(log.lines).toEqual(['ended'])
  })
})

describe('move()', () => {
  test('hands everything to a new lifecycle, and closes this one without ending anything', async () => {
    const life = new Lifecycle('orders')
    const log = new Log()
    life.defer(log.at('ended'), { name: 'db' })
    const moved = life.move()
    expect(moved).toBeInstanceOf(Lifecycle)
    expect(moved).not.toBe(life)
    expect(life).toMatchObject({ state: 'closed', disposed: true, path: '/orders' })
    expect(life.snapshot().size).toBe(0)
    await life.disposeAsync()
    expect((await life.close()).counts.closed).toBe(0)
    expect(log.lines).toEqual([])
    expect(moved.snapshot().resources).toMatchObject([{ path: '/orders/db' }])
    await moved.disposeAsync()
    expect(log.lines).toEqual(['ended'])
  })

  test('does not abort the signal that was handed out: that goes along', async () => {
    const life = new Lifecycle()
    const { signal } = life
    const moved = life.move()
    expect(signal.aborted).toBe(false)
    expect(moved.signal).toBe(signal)
    expect(life.signal.aborted).toBe(true)
    await moved.close()
    expect(signal.aborted).toBe(true)
  })

  test('takes names, edges, tasks, timers, scopes, settings and listeners along', async () => {
    const clock = new FakeClock()
    const life = new Lifecycle({ name: 'orders', clock, order: 'parallel', grace: 100 })
    const log = new Log()
    const events: string[] = []
    life.subscribe(({ type, path }) => events.push(`${type} ${path}`))
    life.defer(log.lasting('api', clock, 10), { name: 'api' })
    life.defer(log.at('db'), { name: 'db', requiredBy: ['api'] })
    const task = life.task(
      'work',
      (signal) => new Promise<string>((resolve) => signal.addEventListener('abort', () => resolve('done'))),
    )
    life.every('tick', 50, log.at('tick'))
    const scope = life.scope('inside')
    scope.defer(log.at('inside'), { name: 'deep' })
    const moved = life.move()
    moved.defer(log.at('added'), { dependsOn: ['api'] })
    expect(thrownBy(() => moved.release('nobody')).code).toBe('ERR_UNKNOWN_RESOURCE')
    await clock.advance(50)
    const closing = moved.close()
    await clock.advance(100)
    expect((await closing).counts).toEqual({ closed: 6, forced: 0, failed: 0, abandoned: 0 })
    expect(log.lines.filter((line) => line !== 'inside')).toEqual(['tick', 'added', 'api', 'api.', 'db'])
    expect(await task).toBe('done')
    expect(scope.state).toBe('closed')
    expect(events).toContain('resource.ended /orders/inside/deep')
    expect(clock.pending).toBe(0)
  })

  test('of a scope takes it out of its parent, which no longer ends it', async () => {
    const life = new Lifecycle('app')
    const log = new Log()
    const scope = life.scope('connection')
    scope.defer(log.at('ended'), { name: 'socket' })
    const moved = scope.move()
    expect(life.snapshot().size).toBe(0)
    await life.close()
    expect(moved.state).toBe('open')
    expect(moved.path).toBe('/app/connection')
    expect(moved.snapshot().resources).toMatchObject([{ path: '/app/connection/socket' }])
    await moved.close()
    expect(log.lines).toEqual(['ended'])
  })

  test('frees what its scope was needed by', async () => {
    const life = new Lifecycle('app')
    const log = new Log()
    const scope = life.scope('inside')
    life.defer(log.at('db'), { requiredBy: ['inside'] })
    scope.move()
    await life.close()
    expect(log.lines).toEqual(['db'])
  })

  test('lets a task that fails later speak through the new one', async () => {
    const clock = new FakeClock()
    const life = new Lifecycle({ clock })
    const errors: unknown[] = []
    const task = life.task('work', async () => {
      await wait(clock, 10)
      throw new Error('no')
    })
    task.catch(() => {})
    const moved = life.move()
    moved.subscribe((event) => event.type === 'resource.error' && errors.push(event.error))
    await clock.advance(10)
    expect(errors).toMatchObject([{ message: 'no' }])
    expect(moved.snapshot().size).toBe(0)
  })

  test('is the way to keep what was opened, if all of it could be opened', async () => {
    const log = new Log()
    const open = async (works: boolean): Promise<Lifecycle> => {
      await using life = new Lifecycle()
      life.defer(log.at(`first, ${works}`))
      if (!works) throw new Error('no')
      return life.move()
    }
    await expect(open(false)).rejects.toThrow('no')
    const kept = await open(true)
    expect(log.lines).toEqual(['first, false'])
    await kept.close()
    expect(log.lines).toEqual(['first, false', 'first, true'])
  })
})
