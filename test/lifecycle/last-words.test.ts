import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { LastWords } from '../../src/lifecycle/last-words.ts'
import { Lines } from '../../src/lifecycle/lines.ts'

test('are the last lines, oldest first', () => {
  const words = new LastWords(3)
  expect(words.lines).toEqual([])
  for (const line of ['one', 'two', 'three', 'four']) words.add(line)
  expect(words.lines).toEqual(['two', 'three', 'four'])
})

test('are what they were when they were asked for', () => {
  const words = new LastWords(2)
  words.add('one')
  const { lines } = words
  words.add('two')
  expect(lines).toEqual(['one'])
  expect(Object.isFrozen(lines)).toBe(true)
})

test('are cut at 1 000 characters, and say so', () => {
  const words = new LastWords(2)
  words.add('x'.repeat(1_000))
  words.add('y'.repeat(1_001))
  expect(words.lines).toEqual(['x'.repeat(1_000), `${'y'.repeat(999)}…`])
})

test('can be none', () => {
  const words = new LastWords(0)
  words.add('one')
  expect(words.lines).toEqual([])
})

test('keep nothing of the output but themselves', () => {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  const words = new LastWords(600)
  const lines = new Lines((line) => words.add(line))
  const chunk = Buffer.from(`${'x'.repeat(65_000)}\n`)
  gc()
  const before = process.memoryUsage().heapUsed
  for (let count = 0; count < 600; count++) lines.write(chunk)
  gc()
  expect(words.lines).toHaveLength(600)
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(8_000_000)
})
