import { expect, test } from 'vitest'
import { isLater, nextSeq } from '../../../src/thread/wire/shared.ts'

const GREATEST = 2_147_483_647

test('numbers of calls begin anew after the greatest, and are never 0', () => {
  expect([0, 1, GREATEST - 1, GREATEST].map(nextSeq)).toEqual([1, 2, GREATEST, 1])
})

test('of two numbers it is known which is later, also where they began anew between', () => {
  for (const seq of [1, 2, 1_000, 2 ** 30, GREATEST - 2, GREATEST - 1, GREATEST]) {
    let later = seq
    for (let count = 0; count < 5; count += 1) {
      later = nextSeq(later)
      expect(isLater(later, seq)).toBe(true)
      expect(isLater(seq, later)).toBe(false)
    }
    expect(isLater(seq, seq)).toBe(false)
  }
})
