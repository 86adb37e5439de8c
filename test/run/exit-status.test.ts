import { describe, expect, test } from 'vitest'
import type { Outcome, Report } from '../../src/index.ts'
import { checkStatus } from '../../src/lifecycle/check.ts'
import { defaultStatuses, endings, endOf, graver, statusOfEnd } from '../../src/run/exit-status.ts'

const none = { closed: 0, forced: 0, failed: 0, abandoned: 0 }
const reportOf = (counts: Partial<Record<Outcome, number>>): Report => ({
  ...{ path: '/app', reason: 'SIGTERM came', complete: true, ms: 1, rows: [] },
  counts: { ...none, ...counts },
})

describe('the status of a run', () => {
  const all = { closed: 9, forced: 1, failed: 1, abandoned: 1 }
  test.each([
    ['abandoned', 81, all, true, true],
    ['abandoned', 81, { abandoned: 1 }, false, false],
    ['startup', 82, { ...all, abandoned: 0 }, true, true],
    ['startup', 82, {}, true, true],
    ['error', 1, { ...all, abandoned: 0 }, true, false],
    ['error', 1, {}, true, false],
    ['forced', 80, { ...all, abandoned: 0 }, false, false],
    ['forced', 80, { forced: 1 }, false, false],
    ['forced', 80, { failed: 1 }, false, false],
    ['closed', 0, { closed: 1_000_000 }, false, false],
    ['closed', 0, {}, false, false],
  ] as const)('%s: %i of %j, failed: %j, overdue: %j', (ending, status, counts, failed, overdue) => {
    const facts = { report: reportOf(counts), failed, overdue, chosen: undefined }
    expect(endOf(facts, defaultStatuses)).toEqual({ ending, status })
    expect(endOf(facts, { ...defaultStatuses, [ending]: 99 })).toEqual({ ending, status: 99 })
  })

  test('is the chosen one after an error, but for something abandoned', () => {
    const facts = { report: reportOf({ forced: 1 }), failed: true, overdue: false, chosen: 7 }
    expect(endOf(facts, defaultStatuses)).toEqual({ ending: 'error', status: 7 })
    expect(endOf({ ...facts, report: reportOf({ abandoned: 1 }) }, defaultStatuses).status).toBe(81)
  })
})

test('of two ends the graver one counts, and of equals the first', () => {
  const ends = endings.map((ending, status) => ({ ending, status }))
  for (const [at, one] of ends.entries()) {
    expect(graver(undefined, one)).toBe(one)
    for (const [place, other] of ends.entries()) expect(graver(one, other)).toBe(at <= place ? one : other)
    expect(graver({ ...one, status: 99 }, one).status).toBe(99)
  }
})

test('process.exitCode comes first after a gentle end, and after no other', () => {
  for (const ending of endings) {
    const end = { ending, status: 9 }
    expect(statusOfEnd(end, undefined)).toBe(9)
    for (const exitCode of [0, 3, '3'])
      expect(statusOfEnd(end, exitCode)).toBe(ending === 'closed' ? Number(exitCode) : 9)
  }
})

test('a status is a whole number of 8 bits', () => {
  for (const status of [0, 1, 255]) expect(() => checkStatus('it', status)).not.toThrow()
  for (const status of [-1, 256, 1.5, Number.NaN, '1', undefined]) {
    expect(() => checkStatus('it', status)).toThrow(
      expect.objectContaining({ name: 'RangeError', code: 'ERR_OUT_OF_RANGE' }),
    )
  }
})
