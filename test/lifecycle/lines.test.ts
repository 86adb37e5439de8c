import { describe, expect, test } from 'vitest'
import { Lines } from '../../src/lifecycle/lines.ts'

/** The lines of some chunks. */
function linesOf(...chunks: readonly (string | Uint8Array)[]): string[] {
  const found: string[] = []
  const lines = new Lines((line) => found.push(line))
  for (const chunk of chunks) lines.write(typeof chunk === 'string' ? Buffer.from(chunk) : chunk)
  lines.end()
  return found
}

const LONGEST = 65_536

test.each([
  ['nothing', '', []],
  ['a line', 'one\n', ['one']],
  ['a last line without an end', 'one\ntwo', ['one', 'two']],
  ['empty lines', '\n\none\n\n', ['', '', 'one', '']],
  ['both sorts of ends', 'one\r\ntwo\nthree\r\n', ['one', 'two', 'three']],
  ['a \\r that ends nothing', '10 %\r20 %\r30 %\n', ['10 %\r20 %\r30 %']],
  ['what is no UTF-8', Buffer.from([0x61, 0xff, 0x0a]), ['a\ufffd']],
  ['half a character at the end', Buffer.from([0x61, 0xe2, 0x82]), ['a\ufffd']],
  ['a byte order mark, which is kept', '\ufeffone\n', ['\ufeffone']],
])('hears %s', (_, text, lines) => {
  expect(linesOf(text)).toEqual(lines)
})

describe('a line that is too long', () => {
  test.each([
    ['the longest in one', 'x'.repeat(LONGEST), '\n', [LONGEST]],
    ['the longest in one, also before \\r\\n', 'x'.repeat(LONGEST), '\r\n', [LONGEST]],
    ['one more in two', 'x'.repeat(LONGEST + 1), '\n', [LONGEST, 1]],
    ['three pieces', 'x'.repeat(2 * LONGEST + 5), '', [LONGEST, LONGEST, 5]],
    ['a character of two halves whole', `${'x'.repeat(LONGEST - 1)}😀y`, '\n', [LONGEST - 1, 3]],
  ])('comes in pieces: %s', (_, line, end, lengths) => {
    const found = linesOf(line + end)
    expect(found.map(({ length }) => length)).toEqual(lengths)
    expect(found.join('')).toBe(line)
  })

  test('without an end needs little memory, however long it is', () => {
    let most = 0
    let sum = 0
    const lines = new Lines(({ length }) => {
      most = Math.max(most, length)
      sum += length
    })
    const chunk = Buffer.alloc(1 << 20, 'x')
    const before = process.memoryUsage().heapUsed
    for (let at = 0; at < 100; at++) lines.write(chunk)
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(64 << 20)
    lines.end()
    expect({ most, sum }).toEqual({ most: LONGEST, sum: 100 << 20 })
  })
})

test('any chunking gives the same lines', () => {
  const parts = ['a', 'é', '€', '😀', '\n', '\r\n', '\r', '', 'x'.repeat(LONGEST - 2), 'word ']
  let seed = 4711
  const random = (below: number): number => {
    seed = (seed * 48_271) % 2_147_483_647
    return seed % below
  }
  for (let round = 0; round < 300; round++) {
    const text = Array.from({ length: random(12) }, () => parts[random(parts.length)] ?? '').join('')
    const bytes = Buffer.from(text)
    const chunks: Uint8Array[] = []
    for (let at = 0; at < bytes.length; ) {
      const size = 1 + (random(3) === 0 ? random(70_000) : random(7))
      // Long stretches byte by byte would only take time.
      const step = bytes.length - at > 1_000 && random(4) > 0 ? random(bytes.length - at - 500) + 1 : size
      chunks.push(bytes.subarray(at, at + step))
      at += step
    }
    expect(linesOf(...chunks), `round ${round}`).toEqual(linesOf(text))
    expect(linesOf(text).join('').replaceAll('\r', ''), `round ${round}`).toBe(text.replace(/[\r\n]/g, ''))
  }
})
