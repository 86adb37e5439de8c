import { expect, test } from 'vitest'
import { companions, isBegunAgain, RESTARTS, STRATEGIES } from '../../../src/lifecycle/supervision/restart.ts'

test('permanent begins again after every end, transient after an abnormal one, temporary never', () => {
  expect(RESTARTS.map((restart) => [restart, isBegunAgain(restart, true), isBegunAgain(restart, false)])).toEqual([
    ['permanent', true, true],
    ['transient', false, true],
    ['temporary', false, false],
  ])
})

test('nobody, all others, or those behind it begin again with a member', () => {
  const all = (member: string) => STRATEGIES.map((strategy) => companions(strategy, ['a', 'b', 'c'], member).join(''))
  expect(['a', 'b', 'c'].map(all)).toEqual([
    ['', 'bc', 'bc'],
    ['', 'ac', 'c'],
    ['', 'ab', ''],
  ])
})
