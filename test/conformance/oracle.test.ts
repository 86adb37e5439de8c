/**
 * The engine's own `AsyncDisposableStack` says what is right: random sequences are played on it and on ours, and all
 * that can be seen must be the same, to the microtask.
 *
 * Node 22 has no such stack. There a recording judges, a few characters for each sequence, which newer versions check
 * on the way. `ENDSWELL_SEQUENCES=20000` plays more than are recorded; `ENDSWELL_RECORD=1` records anew.
 */
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { Lifecycle } from 'endswell'
import { beforeAll, describe, expect, test } from 'vitest'
import { play, type Stack } from './play.ts'
import { Random } from './random.ts'
import { type Sequence, sequenceOf } from './sequences.ts'

const recording = new URL('recorded.txt', import.meta.url)
/** How many sequences are recorded, and how many characters each takes. */
const RECORDED = 5_000
const WIDTH = 4
const count = Number(process.env['ENDSWELL_SEQUENCES'] ?? RECORDED)

const { AsyncDisposableStack: Native } = globalThis as { AsyncDisposableStack?: new () => Stack }

function digest(log: readonly string[]): string {
  return createHash('sha256').update(log.join('\n')).digest('base64url').slice(0, WIDTH)
}

function readable(sequence: Sequence): string {
  const plain = (_key: string, value: unknown): unknown =>
    ['bigint', 'symbol', 'undefined', 'function'].includes(typeof value) ? String(value) : value
  return JSON.stringify(sequence, plain, 1)
}

/** Plays each sequence on both stacks; throws at the first that differs. */
async function compare(make: () => Stack): Promise<void> {
  const recorded = readFileSync(recording, 'utf8')
  for (let seed = 0; seed < count; seed += 1) {
    const sequence = sequenceOf(new Random(seed))
    const ours = await play(sequence, make())
    const saying = `the sequence of seed ${seed}: ${readable(sequence)}`
    if (Native !== undefined) expect(ours, saying).toEqual(await play(sequence, new Native()))
    if (seed < RECORDED) expect(digest(ours), saying).toBe(recorded.slice(seed * WIDTH, (seed + 1) * WIDTH))
  }
}

beforeAll(async () => {
  if (process.env['ENDSWELL_RECORD'] !== '1') return
  if (Native === undefined)
    throw new Error('This version of Node has no AsyncDisposableStack: record with 24 or newer.')
  let text = ''
  for (let seed = 0; seed < RECORDED; seed += 1) text += digest(await play(sequenceOf(new Random(seed)), new Native()))
  writeFileSync(recording, text)
})

describe(`in ${count} random sequences, Lifecycle cannot be told from the standard's stack`, () => {
  test.each<[string, () => Lifecycle]>([
    ['by default', () => new Lifecycle()],
    ["with { leaks: 'off' }", () => new Lifecycle({ leaks: 'off' })],
  ])(
    '%s',
    async (_how, make) => {
      await compare(make as () => unknown as () => Stack)
    },
    300_000,
  )
})

test("the standard's members have the standard's lengths and flags", () => {
  const lengths = { use: 1, adopt: 2, defer: 1, move: 0, disposeAsync: 0 }
  const life = new Lifecycle()
  for (const [name, length] of Object.entries(lengths)) {
    const method: unknown = Reflect.get(life, name)
    expect(method, name).toBeTypeOf('function')
    expect(Object.getOwnPropertyDescriptors(method), name).toMatchObject({
      name: { value: name },
      length: { value: length },
    })
  }
  expect(life[Symbol.asyncDispose]).toBe(life.disposeAsync)
  expect(Lifecycle.length).toBe(0)
  expect(Reflect.ownKeys(life)).toEqual([])
})
