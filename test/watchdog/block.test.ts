import { describe, expect, test } from 'vitest'
import type { Frame } from '../../src/lifecycle/frame.ts'
import { tellBlock } from '../../src/watchdog/block.ts'

const frame = (name: string, file: string, line = 1): Frame => ({ function: name, file, line, column: 5 })
const told = (frames: Frame[]): string[] =>
  tellBlock({ path: '/orders/pricing', budget: 'step', ms: 5_000, frames }).split('\n')

describe('a block is told', () => {
  const head = 'endswell: the event loop has been blocked past the deadline of /orders/pricing (step, 5000 ms)'

  test('with the deadline, and a line for each function', () => {
    const frames = [frame('spin', '/app/pricing.ts', 12), frame('(anonymous)', '/app/main.ts')]
    expect(told(frames)).toEqual([head, '  at spin (/app/pricing.ts:12:5)', '  at (anonymous) (/app/main.ts:1:5)', ''])
  })

  test("from the innermost function on that is not Node's own", () => {
    const frames = [frame('get', 'node:internal/a'), frame('spin', '/app/a.ts'), frame('run', 'node:internal/b')]
    expect(told(frames)).toEqual([head, '  at spin (/app/a.ts:1:5)', '  at run (node:internal/b:1:5)', ''])
  })

  test("with all of them, where each is Node's own", () => {
    expect(told([frame('processTicks', 'node:internal/a')])).toEqual([
      head,
      '  at processTicks (node:internal/a:1:5)',
      '',
    ])
  })

  test('with 8 of them at most, and how many more there are', () => {
    const lines = told([...Array(64)].map((_, nth) => frame(`f${nth}`, '/app/a.ts')))
    expect(lines).toHaveLength(11)
    expect(lines.at(-2)).toBe('  … and 56 more')
  })

  test('also without any', () => {
    expect(told([])).toEqual([head, ''])
  })
})
