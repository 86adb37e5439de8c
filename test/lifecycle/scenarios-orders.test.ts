/** Those of the scenarios in `scenarios.test.ts` that hold in either order. */
import type { SuppressedError } from 'endswell'
import type { FakeClock } from 'endswell/testing'
import { describe, expect, test } from 'vitest'
import { failAfter, setUp, thrownBy, wait } from './stubs.ts'

describe.each(['reverse', 'parallel'] as const)('in %s order', (order) => {
  test('eleven callbacks begin in a fixed order, once each, though one was registered twice by two names', async () => {
    const { life, log, close } = setUp({ order })
    const names = Array.from({ length: 11 }, (_, at) => `callback ${at}`)
    for (const name of names) life.defer(log.at(name))
    await Promise.all([close(), life.close(), life.disposeAsync()])
    expect(log.lines).toEqual(names.toReversed())
  })

  test.each([
    [
      'at once',
      (_clock: FakeClock, error: Error) => {
        throw error
      },
    ],
    ['after an await', (clock: FakeClock, error: Error) => failAfter(clock, 10, error)],
  ])(
    'three stops that throw %s all run, and all three errors come back in the order of their coming',
    async (_when, fail) => {
      const { clock, life, log } = setUp({ order })
      const errors = ['one', 'two', 'three'].map((name) => new Error(name))
      for (const error of errors) {
        life.defer(() => {
          log.at(error.message)()
          return fail(clock, error)
        })
      }
      const disposed = life.disposeAsync().catch((reason) => reason)
      await clock.advance(100)
      const rejected: SuppressedError = await disposed
      expect(log.lines).toEqual(['three', 'two', 'one'])
      expect(rejected.error).toBe(errors[0])
      expect(rejected.suppressed).toMatchObject({ error: errors[1], suppressed: errors[2] })
      expect((await life.close()).rows.map(({ error }) => error)).toEqual(expect.arrayContaining(errors))
    },
  )

  test('every stop runs whatever the others do', async () => {
    const { clock, life, log, close } = setUp({ order })
    life.defer(log.at('a'))
    life.defer(() => failAfter(clock, 20, new Error('late')))
    life.defer(log.at('b'))
    life.defer(() => {
      throw new Error('at once')
    })
    life.defer(() => new Promise(() => {}), { grace: 100 })
    life.defer(log.at('c'))
    expect((await close()).counts).toEqual({ closed: 3, forced: 0, failed: 2, abandoned: 1 })
    expect(log.lines.toSorted()).toEqual(['a', 'b', 'c'])
  })

  test('of two siblings the second still stops when the first fails', async () => {
    const { life, log, close } = setUp({ order })
    life.defer(log.at('second'))
    life.defer(() => Promise.reject(new Error('first')))
    await close()
    expect(log.lines).toEqual(['second'])
  })

  test('the last step runs whatever failed before it, and the first error comes back as it is', async () => {
    const { life, log } = setUp({ order })
    const error = new Error('the only one')
    life.defer(log.at('finally'), { last: true })
    life.defer(() => Promise.reject(error))
    await expect(life.disposeAsync()).rejects.toBe(error)
    expect(log.lines).toEqual(['finally'])
  })

  test('a resource can use what it depends on until its own stop has ended', async () => {
    const { clock, life, close } = setUp({ order })
    const written: string[] = []
    let isOpen = true
    const b = {
      write: (text: string) => written.push(isOpen ? text : `too late: ${text}`),
      [Symbol.asyncDispose]: async () => {
        isOpen = false
      },
    }
    const a = {
      [Symbol.asyncDispose]: async () => {
        b.write('goodbye')
        await wait(clock, 50)
        b.write('really')
      },
    }
    life.use(a)
    life.use(b, { requiredBy: [a] })
    await close()
    expect(written).toEqual(['goodbye', 'really'])
  })

  test('closing again, at once or meanwhile, in any way, never repeats a disposer, and all who asked are answered', async () => {
    const { clock, life, log } = setUp({ order })
    const scope = life.scope('inside')
    life.defer(log.lasting('a', clock, 50))
    scope.defer(log.lasting('b', clock, 50))
    const events: string[] = []
    life.subscribe(({ type, path }) => type === 'lifecycle.closed' && events.push(path))
    const asked: Promise<unknown>[] = [life.close(), life.close(), life.disposeAsync(), scope.close()]
    await clock.advance(30)
    asked.push(life.close(), scope.close(), scope.disposeAsync(), life[Symbol.asyncDispose]())
    await clock.advance(1_000)
    asked.push(life.close(), scope.close())
    await Promise.all(asked)
    expect(log.lines.toSorted()).toEqual(['a', 'a.', 'b', 'b.'])
    expect(events.toSorted()).toEqual(['/app', '/app/inside'])
  })

  test('what is registered while everything closes is refused, never dropped', async () => {
    const { clock, life, log, close } = setUp({ order })
    let refused: unknown
    life.defer(async () => {
      await wait(clock, 10)
      refused = thrownBy(() => life.defer(log.at('never')))
    })
    await close()
    expect(refused).toMatchObject({ code: 'ERR_CLOSED', message: '/app is closing and takes no more resources.' })
    expect(log.lines).toEqual([])
  })
})

test('of two in parallel both begin before either ends; one by one the second-registered begins alone', async () => {
  for (const [order, lines] of [
    ['parallel', ['b', 'a']],
    ['reverse', ['b']],
  ] as const) {
    const { clock, life, log, close } = setUp({ order })
    life.defer(log.lasting('a', clock, 10))
    life.defer(log.lasting('b', clock, 10))
    const closing = close()
    expect(log.lines).toEqual(lines)
    await closing
  }
})
