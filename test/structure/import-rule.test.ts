import { readFileSync } from 'node:fs'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { folderOf, importsOf, parse, readSources, root, type Sources } from './sources.ts'

/** Files in `src/` itself, and folders, that may import from every folder. */
const mayImportAll = { files: ['src/index.ts', 'src/kinds.ts'], folders: ['run', 'testing'] }
/** What a program in a thread loads is one end of `thread/`, without the other. */
const mayImportToo: Readonly<Record<string, string>> = { serve: 'thread' }

const rule = 'A folder imports its own files and lifecycle/; move what both need to lifecycle/, or pass it in.'

/** Where a file imports what the rule forbids it. `packages` are those that the users of this one get. */
function forbiddenImports(sources: Sources, packages: readonly string[]): string[] {
  const found: string[] = []
  for (const [path, text] of sources) {
    const folder = folderOf(path)
    if (folder === '' && !mayImportAll.files.includes(path)) {
      found.push(`${path} stands in src/ itself, where only index.ts and kinds.ts do. Move it to a folder.`)
    }
    for (const { at, target, relative } of importsOf(path, text)) {
      if (!relative) {
        const known = target.startsWith('node:') || packages.includes(packageOf(target))
        if (!known)
          found.push(`${at} imports '${target}', which is no dependency in package.json. Add it there, or do without.`)
      } else if (!target.startsWith('src/')) {
        found.push(`${at} imports ${target}, which is not in src/ and so not in the package. Move it, or do without.`)
      } else if (!mayImport(path, target)) {
        found.push(`${at} imports ${target}. ${rule}`)
      }
    }
  }
  return found
}

function mayImport(from: string, to: string): boolean {
  const folder = folderOf(from)
  if (mayImportAll.files.includes(from) || mayImportAll.folders.includes(folder)) return true
  return [folder, mayImportToo[folder], 'lifecycle'].includes(folderOf(to))
}

function packageOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
}

/** Kinds that `kinds.ts` misses, and files besides it that reach into another folder for one. */
function misplacedKinds(sources: Sources): string[] {
  const found: string[] = []
  const homes = [...sources].filter(([path, text]) => folderOf(path) !== 'lifecycle' && exportsKind(path, text))
  for (const [home] of homes) {
    const folder = folderOf(home)
    const users = [...sources].filter(([path, text]) => importsOf(path, text).some(({ target }) => target === home))
    const outside = users.map(([path]) => path).filter((path) => folderOf(path) !== folder)
    if (!outside.includes('src/kinds.ts'))
      found.push(`${home} defines a kind that src/kinds.ts does not list. List it there.`)
    for (const path of outside) {
      if (path === 'src/kinds.ts') continue
      found.push(
        `${path} imports the kind in ${home}, as only src/kinds.ts may. Import src/${folder}/index.ts or src/kinds.ts.`,
      )
    }
  }
  return found
}

/** Whether a file has `export const name: Kind<…> = …` or `export const name = defineKind(…)`. */
function exportsKind(path: string, text: string): boolean {
  return parse(path, text).statements.some((statement) => {
    if (!ts.isVariableStatement(statement)) return false
    if (!statement.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) return false
    return statement.declarationList.declarations.some(({ type, initializer }) => {
      if (type !== undefined) return ts.isTypeReferenceNode(type) && type.typeName.getText() === 'Kind'
      return (
        initializer !== undefined &&
        ts.isCallExpression(initializer) &&
        initializer.expression.getText() === 'defineKind'
      )
    })
  })
}

describe('the house', () => {
  const sources = readSources()

  test('a folder imports its own files and lifecycle/', () => {
    const { dependencies = {}, peerDependencies = {} } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
    expect(forbiddenImports(sources, Object.keys({ ...dependencies, ...peerDependencies }))).toEqual([])
  })

  test('kinds.ts, and it alone, imports the kinds of every folder', () => {
    expect(misplacedKinds(sources)).toEqual([])
  })
})

describe('the rule of imports', () => {
  const check = (path: string, text: string) => forbiddenImports(new Map([[path, text]]), ['debug', '@scope/tool'])

  test.each([
    ['its own folder', 'src/thread/bridge.ts', "import { a } from './worker.ts'"],
    ['its own folder, from deeper', 'src/thread/bridge/lane.ts', "import { a } from '../worker.ts'"],
    ['lifecycle/', 'src/thread/bridge.ts', "import { a } from '../lifecycle/clock.ts'"],
    ["Node's own modules", 'src/lifecycle/clock.ts', "import { a } from 'node:timers'"],
    ['a dependency', 'src/lifecycle/log.ts', "import a from 'debug/src/x.js'; import b from '@scope/tool/x'"],
    ['everything, from index.ts', 'src/index.ts', "export { a } from './thread/bridge.ts'"],
    ['everything, from kinds.ts', 'src/kinds.ts', "import { a } from './thread/worker.ts'"],
    ['everything, from run/', 'src/run/run.ts', "import { a } from '../startup/startup.ts'"],
    ['everything, from testing/', 'src/testing/guard.ts', "import { a } from '../kinds.ts'"],
  ])('allows %s', (_, path, text) => {
    expect(check(path, text)).toEqual([])
  })

  test.each([
    ['a neighbour', 'src/thread/bridge.ts', "import { a } from '../process/tree.ts'"],
    ['a neighbour for a type', 'src/thread/bridge.ts', "import type { A } from '../process/tree.ts'"],
    ['a neighbour for a type in place', 'src/thread/bridge.ts', "let a: import('../process/tree.ts').A"],
    ['a neighbour later', 'src/thread/bridge.ts', "await import('../process/tree.ts')"],
    ['a neighbour by re-export', 'src/thread/index.ts', "export { a } from '../process/tree.ts'"],
    ['kinds.ts from a folder', 'src/thread/bridge.ts', "import { a } from '../kinds.ts'"],
    ['index.ts from a folder', 'src/thread/bridge.ts', "import { a } from '../index.ts'"],
    ['a folder from lifecycle/', 'src/lifecycle/ladder.ts', "import { a } from '../thread/worker.ts'"],
    ['what is not in the package', 'src/run/run.ts', "import { a } from '../../test/a.ts'"],
    ['a package that users do not get', 'src/run/run.ts', "import { a } from 'vitest'"],
  ])('forbids %s', (_, path, text) => {
    expect(check(path, text)).toEqual([expect.stringMatching(new RegExp(`^${path}:1 imports .+\\. .+`))])
  })

  test('forbids a further file in src/ itself', () => {
    expect(check('src/helper.ts', '')).toEqual([expect.stringContaining('Move it to a folder')])
  })
})

describe('the rule of kinds', () => {
  const home = ['src/thread/worker.ts', 'export const worker: Kind<Worker> = defineKind<Worker>({})'] as const
  const list = ['src/kinds.ts', "import { worker } from './thread/worker.ts'"] as const

  test('a kind that kinds.ts lists, and its folder exports, is in its place', () => {
    const index = ['src/thread/index.ts', "export { worker } from './worker.ts'"] as const
    expect(misplacedKinds(new Map([home, list, index]))).toEqual([])
  })

  test.each([
    'export const worker: Kind<Worker> = defineKind<Worker>({})',
    'export const worker: Kind = {}',
    'export const worker = defineKind({})',
  ])('a kind must be listed: %s', (text) => {
    expect(misplacedKinds(new Map([['src/thread/worker.ts', text]]))).toEqual([
      expect.stringContaining('List it there'),
    ])
  })

  test('only kinds.ts imports a kind from another folder', () => {
    const other = ['src/run/run.ts', "import { worker } from '../thread/worker.ts'"] as const
    expect(misplacedKinds(new Map([home, list, other]))).toEqual([
      expect.stringMatching(/^src\/run\/run\.ts imports the kind/),
    ])
  })
})
