import { expect, test } from 'vitest'
import { folderOf, importsOf, readSources } from './sources.ts'

test('every way to import is seen', () => {
  const text = [
    "import { a } from './a.ts'",
    "import type { B } from '../lifecycle/b.ts'",
    "export { c } from './c.ts'",
    "export type * from './d.ts'",
    "const e = await import('./e.ts')",
    "let f: import('./f.ts').F",
    "let g: typeof import('node:net')",
    "import './h.ts'",
    "// import './comment.ts'",
    'const text = "import \'./string.ts\'"',
  ].join('\n')

  expect(importsOf('src/run/run.ts', text).map(({ at, target }) => `${at} ${target}`)).toEqual([
    'src/run/run.ts:1 src/run/a.ts',
    'src/run/run.ts:2 src/lifecycle/b.ts',
    'src/run/run.ts:3 src/run/c.ts',
    'src/run/run.ts:4 src/run/d.ts',
    'src/run/run.ts:5 src/run/e.ts',
    'src/run/run.ts:6 src/run/f.ts',
    'src/run/run.ts:7 node:net',
    'src/run/run.ts:8 src/run/h.ts',
  ])
})

test('a file in src/ itself is in no folder', () => {
  expect(folderOf('src/index.ts')).toBe('')
  expect(folderOf('src/run/run.ts')).toBe('run')
  expect(folderOf('src/run/live/view.ts')).toBe('run')
})

test('the house is read', () => {
  expect([...readSources().keys()]).toEqual(expect.arrayContaining(['src/index.ts', 'src/lifecycle/clock.ts']))
})
