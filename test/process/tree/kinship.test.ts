import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { censusOf, isFounder, kinOf } from '../../../src/process/tree/kinship.ts'
import type { Sighting } from '../../../src/process/tree/process-table.ts'

const SELF = 50

/** A row: who it is, whose child, and where; by default in the group and session of this process. */
const row = (pid: number, parent: number, group = 40, session = 40): Sighting => {
  return { pid, parent, group, session, state: 'S', born: `${pid}`, name: `p${pid}` }
}

const self = row(SELF, 40)
const common = [row(1, 0, 1, 1), row(40, 1), self]

/** The pids of the kin of those with the given pids. */
function kin(rows: readonly Sighting[], pids: readonly number[], founders: readonly number[] = []): number[] {
  const census = censusOf([...common, ...rows])
  const members = pids.map((pid) => census.byPid.get(pid)).filter((each) => each !== undefined)
  const found = kinOf(census, { members, founders: founders.map((pid) => ({ pid, session: undefined })), self })
  return [...found].map(({ pid }) => pid).sort((a, b) => a - b)
}

test('are children, and children of children', () => {
  expect(kin([row(60, SELF), row(61, 60), row(62, 61), row(63, SELF), row(64, 63)], [60])).toEqual([60, 61, 62])
})

test.each([
  ['a group', 60, 40],
  ['a session', 40, 60],
] as const)(
  'are those in %s that a member leads, though they have lost their parents, and those below them',
  (_, group, session) => {
    const rows = [row(60, SELF, group, session), row(61, 1, group, session), row(62, 61), row(63, 1)]
    expect(kin(rows, [60])).toEqual([60, 61, 62])
  },
)

test('are those in the groups of members that are led by one further down', () => {
  expect(kin([row(60, SELF), row(61, 60, 61, 61), row(62, 1, 62, 61), row(63, 1, 62, 61)], [60])).toEqual([
    60, 61, 62, 63,
  ])
})

test('are those in the group of a founder who is dead', () => {
  expect(kin([row(61, 1, 60, 60), row(62, 1, 61, 60)], [], [60])).toEqual([61, 62])
})

test('are not those in a group by his number that is in another session: it is another group', () => {
  const census = censusOf([...common, row(61, 1, 60, 70)])
  expect(kinOf(census, { members: [], founders: [{ pid: 60, session: 60 }], self })).toEqual(new Set())
})

describe('are never', () => {
  test('this process, nor what only it has started', () => {
    expect(kin([row(60, SELF)], [40])).toEqual([40])
  })

  test('those in its group or its session, whoever leads them', () => {
    expect(kin([row(60, 1), row(61, 1, 61, 40)], [40], [40])).toEqual([40])
  })

  test('process 1, nor what it has adopted', () => {
    expect(kin([row(60, 1)], [1], [1, 0])).toEqual([])
  })
})

test('a loop of parents, which a look at what moves can show, is walked once', () => {
  expect(kin([row(60, 61), row(61, 60)], [60])).toEqual([60, 61])
})

test('a census is taken once for each snapshot', () => {
  const rows = [...common]
  expect(censusOf(rows)).toBe(censusOf(rows))
})

test('a founder leads a group or a session', () => {
  expect([row(60, 1), row(60, 1, 60), row(60, 1, 40, 60)].map(isFounder)).toEqual([false, true, true])
})

const anyRow = fc.record({
  pid: fc.integer({ min: 60, max: 75 }),
  parent: fc.nat(80),
  group: fc.nat(80),
  session: fc.nat(80),
})

test('with whoever is kin, his children are; and without anybody nobody is', () => {
  fc.assert(
    fc.property(fc.uniqueArray(anyRow, { selector: ({ pid }) => pid, maxLength: 16 }), fc.nat(80), (made, pid) => {
      const rows = made.map((each) => row(each.pid, each.parent, each.group, each.session))
      const found = kin(rows, [pid])
      for (const each of rows) if (found.includes(each.parent)) expect(found).toContain(each.pid)
      expect(found).not.toContain(SELF)
      expect(kin(rows, [])).toEqual([])
    }),
  )
})
