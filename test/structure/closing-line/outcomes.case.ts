import { beforeAll, describe, expect, test } from 'vitest'

test('passes', () => {})
test('passes too', () => {})
test('fails', () => expect(1).toBe(2))
test.skipIf(true)('is skipped', () => {})

describe('whose hook throws', () => {
  beforeAll(() => {
    throw new Error('The hook threw.')
  })
  test('is never begun', () => {})
})
