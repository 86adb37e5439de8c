import { describe, expect, test } from 'vitest'
import { SuppressedError } from '../../../src/lifecycle/suppressed-error.ts'
import { TimeoutError } from '../../../src/lifecycle/timeout-error.ts'
import { pack, unpack } from '../../../src/thread/wire/packed.ts'

/** What comes out on the other side. */
function send<T>(thrown: T): T {
  return unpack(structuredClone(pack(thrown))) as T
}

class PaymentError extends RangeError {
  override name = 'PaymentError'
  readonly code = 'E_PAYMENT'
}

describe('what was thrown', () => {
  test.each([null, undefined, 3, Number.NaN, 'x', true, 10n, { a: [1] }, new Map([[1, 2]])])(
    '%s comes as it is',
    (thrown) => {
      expect(send(thrown)).toEqual(thrown)
    },
  )

  test.each([EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError, Error])(
    'as %O keeps its class, message and stack',
    (Class) => {
      const thrown = new Class('broken')
      const sent = send(thrown)
      expect(sent.constructor).toBe(Class)
      expect(sent).toMatchObject({ name: thrown.name, message: 'broken', stack: thrown.stack })
      expect(Object.keys(sent)).toEqual([])
    },
  )

  test('as an error of a class of its own keeps name and properties, and is of the nearest known class', () => {
    const sent = send(new PaymentError('too much'))
    expect(sent).toBeInstanceOf(RangeError)
    expect(sent).toMatchObject({ name: 'PaymentError', message: 'too much', code: 'E_PAYMENT' })
    const timeout = send(new TimeoutError({ path: '/a', timeout: 1, elapsed: 2, limitedBy: undefined }))
    expect(timeout).toMatchObject({ name: 'TimeoutError', code: 'ERR_TIMEOUT', path: '/a', timeout: 1, elapsed: 2 })
  })

  test('as an error keeps its causes, all the way down', () => {
    const sent = send(new Error('a', { cause: new PaymentError('b', { cause: new TypeError('c', { cause: 'd' }) }) }))
    expect(sent.cause).toMatchObject({ code: 'E_PAYMENT', cause: { name: 'TypeError', cause: 'd' } })
    expect(Object.keys(sent)).toEqual([])
  })

  test('as an error that causes itself does so there, too', () => {
    const thrown = new Error('a')
    thrown.cause = new Error('b', { cause: thrown })
    const sent = send(thrown)
    expect((sent.cause as Error).cause).toBe(sent)
  })

  test('as several errors keeps them', () => {
    const sent = send(new AggregateError([new PaymentError('one'), 2], 'both'))
    expect(sent).toBeInstanceOf(AggregateError)
    expect(sent.errors).toMatchObject([{ code: 'E_PAYMENT', message: 'one' }, 2])
    const suppressed = send(new SuppressedError(new PaymentError('newer'), 'older', 'both'))
    expect(suppressed).toBeInstanceOf(SuppressedError)
    expect(suppressed).toMatchObject({ error: { code: 'E_PAYMENT' }, suppressed: 'older', message: 'both' })
  })

  test('as the reason of a signal keeps its class and name', () => {
    const { signal } = new AbortController()
    const sent = send(AbortSignal.abort().reason as DOMException)
    expect(signal.aborted).toBe(false)
    expect(sent).toBeInstanceOf(DOMException)
    expect(sent).toMatchObject({ name: 'AbortError', code: 20 })
  })
})

describe('what cannot be cloned', () => {
  test('on an error comes as its text, and all else as it is', () => {
    const sent = send(
      Object.assign(new Error('refused'), { code: 'E', retry: () => {}, at: new Date(0), list: [Symbol('x')] }),
    )
    expect(sent).toMatchObject({ message: 'refused', code: 'E', retry: '[Function: retry]', at: new Date(0) })
    expect(sent).toMatchObject({ list: ['Symbol(x)'] })
  })

  test.each([[() => {}], [Symbol('mine')], [{ deep: () => {} }], [new WeakMap()]])(
    '%s comes as an error that says so',
    (thrown) => {
      const sent = send<unknown>(thrown)
      expect(sent).toBeInstanceOf(Error)
      expect(sent).toMatchObject({ code: 'ERR_UNCLONEABLE' })
    },
  )

  test('of an error since it throws when it is looked at comes as words', () => {
    const thrown = new Error('x')
    const look = () => {
      throw new Error('do not look')
    }
    Object.defineProperty(thrown, 'message', { get: look })
    Object.defineProperty(thrown, 'detail', { get: look, enumerable: true })
    expect(send(thrown)).toMatchObject({ name: 'Error', message: expect.stringContaining('do not look') })
    expect(send(thrown)).toMatchObject({ detail: expect.stringMatching(/^\(cannot be read: Error: do not look/) })
  })

  test('is shown in one line, without stacks and at no great length', () => {
    const sent = send<unknown>({ why: new Error('deep'), text: 'x'.repeat(1_000), retry: () => {} }) as Error
    expect(sent.message).toContain('Error: deep')
    expect(sent.message).not.toMatch(/\n| at /)
    expect(sent.message.length).toBeLessThan(600)
    expect(sent.cause).toBeUndefined()
  })
})
