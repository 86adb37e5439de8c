import { SuppressedError } from 'endswell'
import { afterEach, describe, expect, test, vi } from 'vitest'

afterEach(() => {
  vi.unstubAllGlobals()
  vi.resetModules()
})

/** The class that this library brings along where the engine has none. */
async function ownClass(): Promise<typeof SuppressedError> {
  vi.stubGlobal('SuppressedError', undefined)
  vi.resetModules()
  return (await import('../../src/lifecycle/suppressed-error.ts')).SuppressedError
}

const { SuppressedError: engines } = globalThis as { SuppressedError?: unknown }

test.runIf(engines !== undefined)('SuppressedError is the engine’s, where that has one', () => {
  expect(SuppressedError).toBe(engines)
})

test('loading this library makes no global', () => {
  expect((globalThis as { SuppressedError?: unknown }).SuppressedError).toBe(engines)
})

describe('the class for older engines', () => {
  test('has the shape of the standard’s', async () => {
    const Own = await ownClass()
    const error = new Own('newer', 'older', 'text')
    expect(error).toBeInstanceOf(Error)
    expect(Object.getPrototypeOf(Own)).toBe(Error)
    expect(Own.name).toBe('SuppressedError')
    expect(String(error)).toBe('SuppressedError: text')
    expect(error.stack).toContain('SuppressedError: text')
    const hidden = { writable: true, enumerable: false, configurable: true }
    expect(Object.getOwnPropertyDescriptors(error)).toMatchObject({
      error: { value: 'newer', ...hidden },
      suppressed: { value: 'older', ...hidden },
      message: { value: 'text', ...hidden },
    })
    expect(Object.hasOwn(Own.prototype, 'name')).toBe(true)
    expect(Object.keys(Own.prototype)).toEqual([])
    expect(Object.hasOwn(new Own(1, 2), 'message')).toBe(false)
  })

  test('has the same properties with the same flags as the engine’s', async ({ skip }) => {
    if (engines === undefined) skip('this engine has none')
    const Own = await ownClass()
    const flags = (value: object): object =>
      Object.fromEntries(
        Object.entries(Object.getOwnPropertyDescriptors(value))
          .filter(([key]) => key !== 'stack')
          .map(([key, { writable, enumerable, configurable }]) => [key, { writable, enumerable, configurable }]),
      )
    const Engines = engines as typeof SuppressedError
    expect(flags(new Own(1, 2, 'text'))).toEqual(flags(new Engines(1, 2, 'text')))
    expect(flags(new Own(1, 2))).toEqual(flags(new Engines(1, 2)))
  })
})
