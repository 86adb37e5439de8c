import { EndswellError } from 'endswell'
import { describe, expect, test, vi } from 'vitest'

describe('EndswellError', () => {
  test('has a code, a path and a cause', () => {
    const cause = new Error('cause')
    const error = new EndswellError('ERR_ABANDONED', 'it hangs', { path: '/app/db', cause })
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({
      code: 'ERR_ABANDONED',
      message: 'it hangs',
      path: '/app/db',
      cause,
      name: 'EndswellError',
    })
    expect(String(error)).toBe('EndswellError: it hangs')
  })

  test('has no cause where there is none, and keeps one that is undefined', () => {
    expect(Object.hasOwn(new EndswellError('ERR_ABANDONED', ''), 'cause')).toBe(false)
    expect(Object.hasOwn(new EndswellError('ERR_ABANDONED', '', { cause: undefined }), 'cause')).toBe(true)
  })

  test('is known across two copies of the package, and nothing else is', async () => {
    vi.resetModules()
    const other = await import('../../src/lifecycle/errors.ts')
    expect(other.EndswellError).not.toBe(EndswellError)
    expect(new other.EndswellError('ERR_ABANDONED', '')).toBeInstanceOf(EndswellError)
    expect(new EndswellError('ERR_ABANDONED', '')).toBeInstanceOf(other.EndswellError)
    for (const value of [new Error('other'), { code: 'ERR_ABANDONED' }, null, undefined, 'text', () => {}]) {
      expect(value instanceof EndswellError).toBe(false)
    }
  })
})
