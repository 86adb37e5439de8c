import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { parse, placeOf, readSources, type Sources } from './sources.ts'

/** The one file that may ask for the time and start a timer. */
const clock = 'src/lifecycle/clock.ts'

const starters = ['setTimeout', 'setInterval']
const readings = ['Date.now', 'performance.now', 'process.hrtime', ...starters.map((name) => `globalThis.${name}`)]
const modules = ['node:timers', 'node:timers/promises']

/** Every use of the real time outside the clock. Clearing a timer, and talking of one in a type, is none. */
function usesOfTime(files: Sources): string[] {
  const found: string[] = []
  for (const [path, text] of files) if (path !== clock) visit(parse(path, text))
  return found.map((use) => `${use} is real time. Take it from the injected Clock (context.clock in a kind).`)

  function visit(node: ts.Node): void {
    const use = useOfTime(node)
    if (use !== undefined) found.push(`${placeOf(node)}: ${use}`)
    ts.forEachChild(node, visit)
  }
}

function useOfTime(node: ts.Node): string | undefined {
  if (ts.isPropertyAccessExpression(node)) return readings.find((reading) => reading === node.getText())
  if (ts.isNewExpression(node)) return node.getText().match(/^new Date(\(\))?$/)?.[0]
  if (ts.isImportSpecifier(node)) return importOfTime(node)
  if (ts.isIdentifier(node) && starters.includes(node.text) && isGlobal(node)) return node.text
  return undefined
}

function importOfTime(specifier: ts.ImportSpecifier): string | undefined {
  const { moduleSpecifier, importClause } = specifier.parent.parent.parent as ts.ImportDeclaration
  const module = (moduleSpecifier as ts.StringLiteral).text
  const name = (specifier.propertyName ?? specifier.name).text
  const forValue = !specifier.isTypeOnly && importClause?.phaseModifier !== ts.SyntaxKind.TypeKeyword
  return forValue && modules.includes(module) && starters.includes(name) ? `${name} of ${module}` : undefined
}

/** Whether the name means the global function: not a member of something, the name of one, or a type. */
function isGlobal(node: ts.Identifier): boolean {
  const { parent } = node
  if (ts.isTypeQueryNode(parent) || ts.isImportSpecifier(parent)) return false
  return ts.isShorthandPropertyAssignment(parent) || !('name' in parent && parent.name === node)
}

test(`in the house only ${clock} knows the real time`, () => {
  expect(usesOfTime(readSources())).toEqual([])
})

describe('the rule of time', () => {
  const check = (text: string) => usesOfTime(new Map([['src/run/run.ts', text]]))

  test.each([
    'Date.now()',
    'const now = performance.now',
    'process.hrtime.bigint()',
    'new Date()',
    'setTimeout(fn, 10)',
    'start(setInterval)',
    'globalThis.setTimeout(fn, 10)',
    'const timers = { setTimeout }',
    "import { setTimeout } from 'node:timers'",
    "import { setTimeout as sleep } from 'node:timers/promises'",
  ])('forbids %s', (text) => {
    expect(check(text)).toEqual([expect.stringMatching(/^src\/run\/run\.ts:1: .+ is real time\. Take it from/)])
  })

  test.each([
    'clock.setTimeout(fn, 10)',
    'context.clock.now()',
    'socket.setTimeout(0)',
    'clearTimeout(timer)',
    'new Date(0)',
    '// setTimeout(fn, 10)',
    "throw new Error('setTimeout')",
    'interface Clock { setTimeout(fn: () => void): void }',
    'const fake = { setTimeout: (fn) => fn() }',
    'type Timer = ReturnType<typeof setTimeout>',
    "import { clearTimeout } from 'node:timers'",
  ])('allows %s', (text) => {
    expect(check(text)).toEqual([])
  })

  test('the clock itself may', () => {
    expect(usesOfTime(new Map([[clock, 'performance.now()']]))).toEqual([])
  })
})
