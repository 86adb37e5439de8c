import { describe, expect, test } from 'vitest'
import { importsOf, readSources, type Sources } from './sources.ts'

/** Every way by which a file imports itself, over others, as one line such as `src/a.ts → src/b.ts → src/a.ts`. */
function cycles(sources: Sources): string[] {
  const found: string[] = []
  const done = new Set<string>()
  const way: string[] = []

  function visit(path: string): void {
    const start = way.indexOf(path)
    if (start !== -1) found.push([...way.slice(start), path].join(' → '))
    if (start !== -1 || done.has(path)) return
    way.push(path)
    for (const { target } of importsOf(path, sources.get(path) ?? '')) if (sources.has(target)) visit(target)
    way.pop()
    done.add(path)
  }

  for (const path of sources.keys()) visit(path)
  return found.map((cycle) => `${cycle}. Move what both ends need to a file of its own.`)
}

test('no file of the house imports itself over others, not even for a type', () => {
  expect(cycles(readSources())).toEqual([])
})

describe('the rule of cycles', () => {
  test('two ways to one file are no cycle', () => {
    const sources = new Map([
      ['src/a.ts', "import './b.ts'; import './c.ts'"],
      ['src/b.ts', "import './c.ts'"],
      ['src/c.ts', "import 'node:net'"],
    ])
    expect(cycles(sources)).toEqual([])
  })

  test('a cycle is found, and named with its files', () => {
    const sources = new Map([
      ['src/a.ts', "import './b.ts'"],
      ['src/b.ts', "import { c } from './c.ts'"],
      ['src/c.ts', "import { b } from './b.ts'"],
    ])
    expect(cycles(sources)).toEqual([expect.stringMatching(/^src\/b\.ts → src\/c\.ts → src\/b\.ts\. Move/)])
  })

  test('types count', () => {
    const sources = new Map([
      ['src/a.ts', "import type { B } from './b.ts'"],
      ['src/b.ts', "export type B = import('./a.ts').A"],
    ])
    expect(cycles(sources)).toHaveLength(1)
  })

  test('a file that imports itself is one', () => {
    expect(cycles(new Map([['src/a.ts', "import './a.ts'"]]))).toHaveLength(1)
  })
})
