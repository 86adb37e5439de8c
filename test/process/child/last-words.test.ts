import { expect, test } from 'vitest'
import { LastWords } from '../../../src/process/child/last-words.ts'

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
