import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { Debugger } from 'node:inspector'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { framesOf } from '../../src/lifecycle/frames.ts'

/** Maps line 2, column 3 of the script to line 11, column 7 of the source. Fields: column, source, line, column. */
const map = { version: 3, sources: ['../src/prices.ts'], names: [], mappings: ';EAUM' }
const data = (text: string): string => `data:application/json;base64,${Buffer.from(text).toString('base64')}`

/** The only frame of a function at line 2, column 3 of a script, which is how the inspector counts: from 0. */
function frameIn(url: string, sourceMap: string | undefined, functionName = 'spin') {
  const location = { scriptId: '7', lineNumber: 1, columnNumber: 2 }
  const stack = [{ functionName, location }] as Debugger.CallFrame[]
  return framesOf(stack, new Map([['7', { url, map: sourceMap }]]))[0]
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'endswell-frames-'))
  onTestFinished(() => rmSync(path, { recursive: true }))
  return path
}

test("the library's own frames are left out, unless there are no others", () => {
  const own = new URL('../../src/startup/attempt.ts', import.meta.url).href
  const stack = ['spin', 'go', 'start'].map((functionName, at) => {
    return { functionName, location: { scriptId: String(at % 2), lineNumber: 0 } }
  }) as Debugger.CallFrame[]
  const scripts = (first: string) =>
    new Map([
      ['0', { url: first, map: undefined }],
      ['1', { url: own, map: undefined }],
    ])
  const named = (first: string) => framesOf(stack, scripts(first)).map(({ function: name }) => name)
  expect(named('file:///app/main.js')).toEqual(['spin', 'start'])
  expect(named(own)).toEqual(['spin', 'go', 'start'])
})

describe('a frame', () => {
  test.each([
    ['file:///app/dist/a%20b.js', '/app/dist/a b.js'],
    ['node:internal/timers', 'node:internal/timers'],
    ['/app/loaded.cjs', '/app/loaded.cjs'],
    ['evalmachine.<anonymous>', 'evalmachine.<anonymous>'],
    ['file://host/odd.js', 'file://host/odd.js'],
    ['', '(no file)'],
  ])('of %s stands in %s, its lines and columns from 1', (url, file) => {
    expect(frameIn(url, undefined)).toEqual({ function: 'spin', file, line: 2, column: 3 })
  })

  test('of a function without a name, or of a script that is not known, is told as far as it goes', () => {
    expect(frameIn('file:///a.js', undefined, '')).toMatchObject({ function: '(anonymous)' })
    const stack = [{ functionName: 'f', location: { scriptId: '1', lineNumber: 0 } }] as Debugger.CallFrame[]
    expect(framesOf(stack, new Map())).toEqual([{ function: 'f', file: '(no file)', line: 1, column: 1 }])
  })

  test('is where its source is, by a source map in the script', () => {
    const mapped = { function: 'spin', file: '/app/src/prices.ts', line: 11, column: 7 }
    expect(frameIn('file:///app/dist/a.js', data(JSON.stringify(map)))).toEqual(mapped)
    expect(frameIn('/app/dist/a.js', data(JSON.stringify(map)))).toEqual(mapped)
    const plain = `data:application/json,${encodeURIComponent(JSON.stringify(map))}`
    expect(frameIn('file:///app/dist/a.js', plain)).toEqual(mapped)
  })

  test('is where its source is, by a source map in a file beside the script', () => {
    const path = folder()
    writeFileSync(join(path, 'a.js.map'), JSON.stringify({ ...map, sources: ['prices.ts'] }))
    const { href } = pathToFileURL(join(path, 'a.js'))
    expect(frameIn(href, 'a.js.map')).toEqual({ function: 'spin', file: join(path, 'prices.ts'), line: 11, column: 7 })
  })

  test.each([
    ['is missing', 'missing.js.map'],
    ['is of the web', 'https://example.com/a.js.map'],
    ['is not JSON', data('{')],
    ['is no source map', data('{}')],
    ['says nothing', data(JSON.stringify({ ...map, mappings: '' }))],
    ['is no URL', 'http://['],
  ])('whose source map %s stands in its script', (_, sourceMap) => {
    expect(frameIn('file:///app/a.js', sourceMap)).toEqual({ function: 'spin', file: '/app/a.js', line: 2, column: 3 })
  })
})

test('of a stack that is very deep the innermost 64 are looked at', () => {
  const location = { scriptId: '1', lineNumber: 0 }
  const stack = [...Array(10_000)].map((_, nth) => ({ functionName: `f${nth}`, location })) as Debugger.CallFrame[]
  const frames = framesOf(stack, new Map([['1', { url: 'file:///a.js', map: undefined }]]))
  expect([frames.length, frames[0]?.function]).toEqual([64, 'f0'])
})
