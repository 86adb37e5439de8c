/**
 * The suite that the package `disposablestack` publishes for any `AsyncDisposableStack`, run against ours.
 *
 * Its constructor is injected, so nothing is installed as a global. One of its assertions is about the class's name,
 * which is ours by intention.
 */
import { type EventEmitter, once } from 'node:events'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { Lifecycle } from 'endswell'
import { expect, test } from 'vitest'

interface Row {
  readonly type: 'test' | 'assert' | 'end'
  readonly ok?: boolean
  readonly name?: string
  readonly actual?: unknown
}
interface Harness {
  (name: string, run: (t: { end(): void }) => void): void
  createStream(options: { objectMode: true }): EventEmitter
}
type Suite = (t: unknown, stack: unknown, symbol: symbol) => void

const require = createRequire(import.meta.url)
const tape = require('tape') as { createHarness(): Harness }
const folder = dirname(require.resolve('disposablestack/package.json'))
const suite = require(join(folder, 'test', 'tests.js')) as { AsyncDisposableStack: Suite }

async function assertionsAgainst(stack: unknown): Promise<Row[]> {
  const harness = tape.createHarness()
  const rows: Row[] = []
  const stream = harness.createStream({ objectMode: true })
  stream.on('data', (row: Row) => rows.push(row))
  harness('AsyncDisposableStack', (t) => {
    suite.AsyncDisposableStack(t, stack, Symbol.asyncDispose)
    t.end()
  })
  await once(stream, 'end')
  return rows.filter(({ type }) => type === 'assert')
}

test('Lifecycle passes all 128 assertions of es-shims, but for the one about its name', async () => {
  const assertions = await assertionsAgainst(Lifecycle)
  const failed = assertions.filter(({ ok }) => !ok)
  expect(assertions).toHaveLength(128)
  expect(failed).toMatchObject([{ name: 'has the correct [[Class]]', actual: '[object Lifecycle]' }])
})
