import { readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { describe, expect, test } from 'vitest'
import config from '../../tsup.config.ts'
import { folderOf, readSources, root } from './sources.ts'

interface Packaging {
  /** The files of `src/`. */
  readonly files: readonly string[]
  /** What `package.json` has as `exports`. */
  readonly exports: Readonly<Record<string, unknown>>
  /** What `tsup.config.ts` builds: name in `dist/` to file. */
  readonly entry: Readonly<Record<string, string>>
}

/** Where the folders, the exports of the package and the entries of the build differ. */
function differences({ files, exports, entry }: Packaging): string[] {
  const found: string[] = []
  const folders = new Set(files.map(folderOf))
  folders.delete('lifecycle')
  const names = new Map([...folders].map((folder) => [folder || 'index', `src/${folder && `${folder}/`}index.ts`]))
  // A worker's program must be a file of its own in dist/, or no thread could be started on it; people do not import it.
  const programs = new Map(files.filter(isProgram).map((file) => [posix.basename(file, '.ts'), file]))

  for (const [name, index] of names) {
    const subpath = name === 'index' ? '.' : `./${name}`
    const target = { types: `./dist/${name}.d.ts`, default: `./dist/${name}.js` }
    if (!files.includes(index)) found.push(`${index} is missing, with which people import the folder. Add it.`)
    if (entry[name] !== index) found.push(`tsup.config.ts does not build it. Add to entry: ${name}: '${index}'.`)
    if (JSON.stringify(exports[subpath]) !== JSON.stringify(target)) {
      found.push(`package.json does not export it. Add to exports: "${subpath}": ${JSON.stringify(target)}.`)
    }
  }
  for (const [name, file] of programs) {
    if (entry[name] !== file) found.push(`tsup.config.ts does not build it. Add to entry: ${name}: '${file}'.`)
  }
  for (const name of Object.keys(entry)) {
    if (!names.has(name) && !programs.has(name))
      found.push(`tsup.config.ts builds ${name}, which is no folder of src/. Take it out.`)
  }
  for (const subpath of Object.keys(exports)) {
    if (subpath === './package.json' || names.has(subpath === '.' ? 'index' : subpath.slice(2))) continue
    found.push(`package.json exports ${subpath}, which is no folder of src/. Take it out.`)
  }
  return found
}

/** A program that a worker runs is named after its folder: `src/watchdog/watchdog-thread.ts`. */
function isProgram(file: string): boolean {
  return /^src\/([^/]+)\/\1-thread\.ts$/.test(file)
}

test('the package exports, and the build makes, one entry for the root and for each folder but lifecycle/', () => {
  const { exports } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
  const entry = config.entry as Record<string, string>
  expect(differences({ files: [...readSources().keys()], exports, entry })).toEqual([])
})

describe('the rule of exports', () => {
  const root = { types: './dist/index.d.ts', default: './dist/index.js' }
  const run = { types: './dist/run.d.ts', default: './dist/run.js' }
  const good: Packaging = {
    files: ['src/index.ts', 'src/kinds.ts', 'src/lifecycle/clock.ts', 'src/run/index.ts', 'src/run/run.ts'],
    exports: { '.': root, './run': run, './package.json': './package.json' },
    entry: { index: 'src/index.ts', run: 'src/run/index.ts' },
  }

  test('folders, exports and entries that agree are fine', () => {
    expect(differences(good)).toEqual([])
    const file = 'src/run/run-thread.ts'
    const entry = { ...good.entry, 'run-thread': file }
    expect(differences({ ...good, files: [...good.files, file], entry })).toEqual([])
  })

  test.each<[string, Partial<Packaging>, string]>([
    ['a folder that is not exported', { exports: { '.': root } }, 'Add to exports: "./run": {'],
    ['an export without types', { exports: { '.': root, './run': './dist/run.js' } }, 'Add to exports: "./run": {'],
    [
      'an export of an internal file',
      { exports: { ...good.exports, './lifecycle': run } },
      'exports ./lifecycle, which',
    ],
    ['a folder that is not built', { entry: { index: 'src/index.ts' } }, "Add to entry: run: 'src/run/index.ts'"],
    ['an entry without a folder', { entry: { ...good.entry, old: 'src/old/index.ts' } }, 'builds old, which is no'],
    [
      "a worker's program that is not built",
      { files: [...good.files, 'src/run/run-thread.ts'] },
      "Add to entry: run-thread: 'src/run/run-thread.ts'",
    ],
    [
      "a worker's program that is exported",
      {
        files: [...good.files, 'src/run/run-thread.ts'],
        entry: { ...good.entry, 'run-thread': 'src/run/run-thread.ts' },
        exports: { ...good.exports, './run-thread': run },
      },
      'exports ./run-thread, which',
    ],
    ['a folder without an index', { files: ['src/index.ts', 'src/run/run.ts'] }, 'src/run/index.ts is missing'],
  ])('finds %s', (_, change, message) => {
    expect(differences({ ...good, ...change })).toEqual([expect.stringContaining(message)])
  })
})
