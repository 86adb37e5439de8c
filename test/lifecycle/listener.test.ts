import { EventEmitter, getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import { Listener, listener, listenerKind } from '../../src/lifecycle/listener.ts'
import { TestContext } from '../fixtures/context.ts'

const { close, isGone, onGone, describe: tell, matches } = listenerKind

interface Source {
  readonly emitter: EventEmitter | EventTarget
  readonly emit: (times?: number) => void
  readonly count: () => number
}

function emitter(): Source {
  const made = new EventEmitter()
  return { emitter: made, emit: () => void made.emit('abort'), count: () => made.listenerCount('abort') }
}

function target(): Source {
  const made = new EventTarget()
  return { emitter: made, emit: () => void made.dispatchEvent(new Event('abort')), count: () => listening(made) }
}

function signal(): Source {
  const made = new AbortController()
  return { emitter: made.signal, emit: () => made.abort(), count: () => listening(made.signal) }
}

const listening = (on: EventTarget) => getEventListeners(on, 'abort').length

/** The overloads know an emitter from a target; a test that loops over both does not. */
const listen = listener as (
  on: unknown,
  event: string | symbol,
  fn: () => unknown,
  options?: { once?: boolean },
) => Listener

describe.each([
  ['an EventEmitter', emitter],
  ['an EventTarget', target],
  ['an AbortSignal', signal],
])('a listener on %s', (name, make) => {
  test('is called until it is removed', () => {
    const source = make()
    let called = 0
    const handle = listen(source.emitter, 'abort', () => {
      called += 1
    })
    expect(source.count()).toBe(1)
    source.emit()
    expect([called, handle.removed]).toEqual([1, false])
    handle[Symbol.dispose]()
    source.emit()
    expect([called, handle.removed, source.count()]).toEqual([1, true, 0])
  })

  test('is removed by its kind', () => {
    const source = make()
    const handle = listen(source.emitter, 'abort', () => {})
    expect([matches(handle), isGone?.(handle)]).toEqual([true, false])
    close(handle, new TestContext())
    close(handle, new TestContext())
    expect([isGone?.(handle), source.count()]).toEqual([true, 0])
  })

  test('is removed by `using`', () => {
    const source = make()
    {
      using handle = listen(source.emitter, 'abort', () => {})
      expect([handle.removed, source.count()]).toEqual([false, 1])
    }
    expect(source.count()).toBe(0)
  })

  test('with `once` is removed before its only call, and leaves', () => {
    const source = make()
    const seen: unknown[] = []
    const handle = listen(source.emitter, 'abort', () => seen.push([handle.removed, source.count()]), { once: true })
    onGone?.(handle, () => seen.push('left'))
    source.emit()
    source.emit()
    expect(seen).toEqual(['left', [true, 0]])
  })

  test('leaves once when it is removed by hand, and not after the undo', () => {
    const source = make()
    const left: string[] = []
    const handle = listen(source.emitter, 'abort', () => {})
    onGone?.(handle, () => left.push('first'))
    onGone?.(handle, () => left.push('second'))?.()
    handle[Symbol.dispose]()
    handle[Symbol.dispose]()
    expect(left).toEqual(['first'])
  })

  test('is apart from another with the same function', () => {
    const source = make()
    let called = 0
    const fn = () => {
      called += 1
    }
    const [one, two] = [listen(source.emitter, 'abort', fn), listen(source.emitter, 'abort', fn)]
    one[Symbol.dispose]()
    expect(source.count()).toBe(1)
    source.emit()
    expect(called).toBe(1)
    two[Symbol.dispose]()
    expect(source.count()).toBe(0)
  })

  test('gets the receiver and the arguments that any listener gets', () => {
    const source = make()
    let got: unknown[] = []
    using _ = listen(source.emitter, 'abort', function (this: unknown, ...args: unknown[]) {
      got = [this, args.length]
    })
    source.emit()
    expect(got).toEqual([source.emitter, name === 'an EventEmitter' ? 0 : 1])
  })
})

test('an emitter knows the function: it lists it, and removes it when told to', () => {
  const on = new EventEmitter()
  const fn = () => {}
  const handle = listener(on, 'tick', fn)
  expect(on.listeners('tick')).toEqual([fn])
  on.off('tick', fn)
  expect(on.listenerCount('tick')).toBe(0)
  handle[Symbol.dispose]()
})

test('an emitter that handles rejections gets what the function returns', async () => {
  const on = new EventEmitter({ captureRejections: true })
  const error = new Error('rejected by a listener')
  const seen = new Promise((resolve) => on.on('error', resolve))
  using _ = listener(on, 'tick', async () => {
    throw error
  })
  on.emit('tick')
  expect(await seen).toBe(error)
})

test('an emitter need only have `on` and `off`', () => {
  const calls: unknown[] = []
  const on = { on: (event: string) => calls.push(`on ${event}`), off: (event: string) => calls.push(`off ${event}`) }
  listen(on, 'tick', () => {})[Symbol.dispose]()
  expect(calls).toEqual(['on tick', 'off tick'])
})

test('tells what it listens to', () => {
  const on = new EventEmitter()
  const event = Symbol('tick')
  using handle = listener(on, event, () => {})
  expect([handle.emitter, handle.event]).toEqual([on, event])
  expect(tell?.(handle)).toBe("on 'Symbol(tick)'")
})

test('the types of a typed emitter reach the function', () => {
  const on = new EventEmitter<{ order: [id: string, count: number] }>()
  const got: string[] = []
  using _ = listener(on, 'order', (id, count) => got.push(id.repeat(count)))
  on.emit('order', 'ab', 2)
  expect(got).toEqual(['abab'])
})

test('only what `listener` made is of its kind', () => {
  for (const other of [undefined, null, 1, {}, { [Symbol.dispose]() {} }, Object.create(Listener.prototype)]) {
    expect(matches(other)).toBe(false)
  }
})

describe('bad input is refused, and nothing is added', () => {
  const on = new EventEmitter()
  const { signal: abort } = new AbortController()
  const fn = () => {}
  const wrongType = { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' }
  const unknown = { name: 'TypeError', code: 'ERR_UNKNOWN_OPTION' }
  test.each<[what: string, args: unknown[], error: object]>([
    ['no emitter', [{}, 'tick', fn], wrongType],
    ['undefined', [undefined, 'tick', fn], wrongType],
    ['half an emitter', [{ on() {} }, 'tick', fn], wrongType],
    ['an event that is no name', [on, 1, fn], wrongType],
    ['a symbol on an EventTarget', [abort, Symbol('x'), fn], wrongType],
    ['no function', [on, 'tick', undefined], wrongType],
    ['an object with handleEvent', [abort, 'abort', { handleEvent() {} }], wrongType],
    ['options that are none', [on, 'tick', fn, true], wrongType],
    ['an unknown option', [on, 'tick', fn, { Once: true }], unknown],
    ['an option of the wrong type', [on, 'tick', fn, { once: 1 }], wrongType],
  ])('%s', (_, args, error) => {
    expect(() => (listener as (...all: unknown[]) => Listener)(...args)).toThrow(expect.objectContaining(error))
    expect([on.eventNames(), listening(abort)]).toEqual([[], 0])
  })
})
