import { Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { write } from '../../src/run/screen.ts'

const gone = Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })
type Write = (chunk: unknown, encoding: string, callback: (error?: Error) => void) => void

/** A stream that comes to life again after each error, as Node makes the standard ones. */
function immortal(write: Write): Writable {
  const destroy = function (this: Writable, error: Error | null, callback: (error: Error | null) => void): void {
    callback(error)
    ;(this as unknown as { _undestroy(): void })._undestroy()
  }
  return new Writable({ decodeStrings: false, write, destroy })
}

test('it resolves when the system has taken what was written', async () => {
  const written: unknown[] = []
  const stream = immortal((chunk, _, callback) => {
    setImmediate(() => {
      written.push(chunk)
      callback()
    })
  })
  await write(stream, 'one')
  expect(written).toEqual(['one'])
})

test.each([
  ['at once', (callback: () => void) => callback()],
  ['later', (callback: () => void) => void setImmediate(callback)],
])('it resolves when nobody reads any more, and that is no error (%s)', async (_, when) => {
  const stream = immortal((_chunk, _encoding, callback) => when(() => callback(gone)))
  // An uncaught error would fail the test.
  for (let time = 0; time < 20; time++) await write(stream, 'x')
  await new Promise(setImmediate)
  expect(stream.listenerCount('error')).toBe(0)
})

test.each([
  ['ended', (stream: Writable) => stream.end()],
  ['destroyed', (stream: Writable) => stream.destroy()],
])('it resolves when the stream has been %s, and leaves no listener', async (_, end) => {
  const stream = new Writable({ write: (_chunk, _encoding, callback) => callback() })
  end(stream)
  await write(stream, 'x')
  await new Promise(setImmediate)
  expect(stream.listenerCount('error')).toBe(0)
})
