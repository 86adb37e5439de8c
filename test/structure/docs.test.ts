import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { placeOf, readSources, type Sources } from './sources.ts'

/** What people can import, or reach as a member of it, that has no doc comment. */
function undocumented(sources: Sources): string[] {
  const program = programOf(sources)
  const checker = program.getTypeChecker()
  const found = new Set<string>()

  for (const entry of program.getRootFileNames()) {
    const module = checker.getSymbolAtLocation(program.getSourceFile(entry) as ts.SourceFile)
    for (const symbol of module === undefined ? [] : checker.getExportsOfModule(module)) {
      const isAlias = (symbol.flags & ts.SymbolFlags.Alias) !== 0
      const exported = isAlias ? checker.getAliasedSymbol(symbol) : symbol
      for (const item of [exported, ...membersOf(exported)]) {
        const [place] = item.declarations ?? []
        if (place === undefined || isDocumented(item, checker)) continue
        const name = item === exported ? symbol.name : `${symbol.name}.${item.name}`
        found.add(
          `${placeOf(place)}: ${name} has no doc comment. Say what it is, its unit, default and range, and why.`,
        )
      }
    }
  }
  return [...found]
}

function isDocumented(symbol: ts.Symbol, checker: ts.TypeChecker): boolean {
  return symbol.getDocumentationComment(checker).some(({ text }) => text.trim() !== '')
}

/** The public members of a class or an interface; those named by a symbol do what the standard says. */
function membersOf(symbol: ts.Symbol): ts.Symbol[] {
  const all = [
    ...(symbol.members?.values() ?? []),
    ...((symbol.flags & ts.SymbolFlags.Class && symbol.exports?.values()) || []),
  ]
  return all.filter(({ declarations: [declaration] = [] }) => {
    if (declaration === undefined || ts.getCombinedModifierFlags(declaration) & ts.ModifierFlags.Private) return false
    const isMember = ts.isClassElement(declaration) || ts.isTypeElement(declaration)
    return isMember && declaration.name !== undefined && ts.isIdentifier(declaration.name)
  })
}

/** Reads the given files and nothing else: neither other packages nor the types of the language matter here. */
function programOf(sources: Sources): ts.Program {
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.Latest,
    module: ts.ModuleKind.NodeNext,
    allowImportingTsExtensions: true,
    noEmit: true,
    noLib: true,
    types: [],
  }
  const entries = [...sources.keys()].filter((path) => /^src\/([^/]+\/)?index\.ts$/.test(path))
  return ts.createProgram(entries, options, {
    ...ts.createCompilerHost(options),
    getCurrentDirectory: () => '',
    fileExists: (path) => sources.has(path),
    directoryExists: () => true,
    readFile: (path) => sources.get(path),
    getSourceFile: (path, target) => {
      const text = sources.get(path)
      return text === undefined ? undefined : ts.createSourceFile(path, text, target)
    },
  })
}

test('everything that the house exports, and each of its members, has a doc comment', () => {
  expect(undocumented(readSources())).toEqual([])
})

describe('the rule of doc comments', () => {
  const check = (...lines: string[]) => undocumented(new Map([['src/index.ts', lines.join('\n')]]))

  test.each([
    ['a function', 'export function a(): void {}'],
    ['a constant', 'export const a = 1'],
    ['a class', 'export class a {}'],
    ['an interface', 'export interface a {}'],
    ['a type', 'export type a = string'],
  ])('%s needs one', (_, line) => {
    expect(check(line)).toEqual([expect.stringMatching(/^src\/index\.ts:1: a has no doc comment\. Say/)])
    expect(check('/** What it is. */', line)).toEqual([])
    expect(check('// No doc comment.', line)).toHaveLength(1)
    expect(check('/** @internal */', line)).toHaveLength(1)
  })

  test.each([
    ['a method', 'a(): void {}'],
    ['a static method', 'static a(): void {}'],
    ['a property', 'readonly a = 1'],
    ['a getter', 'get a(): number { return 1 }'],
  ])('%s of a class needs one', (_, member) => {
    expect(check('/** B. */', `export class B { ${member} }`)).toEqual([
      expect.stringContaining('B.a has no doc comment'),
    ])
    expect(check('/** B. */', 'export class B {', '/** A. */', `${member} }`)).toEqual([])
  })

  test('a member of an interface needs one', () => {
    expect(check('/** B. */', 'export interface B { a: number }')).toEqual([expect.stringContaining('B.a has no')])
  })

  test('a private member, a constructor and a member named by a symbol need none', () => {
    const members = ['#a = 1', 'private b = 1', 'constructor() {}', '[Symbol.dispose](): void {}']
    expect(check('/** C. */', `export class C { ${members.join('; ')} }`)).toEqual([])
  })

  test('what a class implements or extends is documented there', () => {
    const base = ['interface Base {', '/** A. */', 'a(): void }']
    expect(check(...base, '/** C. */', 'export class C implements Base { a(): void {} }')).toEqual([])
  })

  test('a re-export is judged where it is declared, once', () => {
    const sources = new Map([
      ['src/index.ts', "export { a as b } from './run/a.ts'"],
      ['src/run/index.ts', "export { a as b } from './a.ts'"],
      ['src/run/a.ts', 'export const a = 1'],
    ])
    expect(undocumented(sources)).toEqual([expect.stringMatching(/^src\/run\/a\.ts:1: b has no/)])
  })

  test('what no entry exports needs none', () => {
    expect(
      undocumented(
        new Map([
          ['src/run/a.ts', 'export const a = 1'],
          ['src/index.ts', 'const b = 1'],
        ]),
      ),
    ).toEqual([])
  })
})
