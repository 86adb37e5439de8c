import { expect, test } from 'vitest'
import { readSources, type Sources } from './sources.ts'

/** Lines that a file of `src/` may have, comments included. */
const limit = 250

function tooLong(sources: Sources): string[] {
  const lengths = [...sources].map(([path, text]) => ({ path, lines: text.replace(/\n$/, '').split('\n').length }))
  const long = lengths.filter(({ lines }) => lines > limit)
  return long.map(
    ({ path, lines }) => `${path} has ${lines} lines, but may have ${limit}. Give its second idea a file.`,
  )
}

test(`no file of the house is longer than ${limit} lines`, () => {
  expect(tooLong(readSources())).toEqual([])
})

test('a file of the longest size is allowed, and one line more is not', () => {
  expect(tooLong(new Map([['src/a.ts', '//\n'.repeat(limit)]]))).toEqual([])
  expect(tooLong(new Map([['src/a.ts', '//\n'.repeat(limit + 1)]]))).toEqual([
    expect.stringContaining('src/a.ts has 251 lines'),
  ])
})
