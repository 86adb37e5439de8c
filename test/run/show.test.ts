import { EventEmitter } from 'node:events'
import { describe, expect, test } from 'vitest'
import { Lifecycle } from '../../src/kinds.ts'
import { scopeOf } from '../../src/lifecycle/lifecycle.ts'
import type { Screen } from '../../src/run/screen.ts'
import { openPaths, showError, showProgress, showReport } from '../../src/run/show.ts'
import { FakeClock } from '../../src/testing/index.ts'

const CLEAR = '\r\u001B[K'
const never = () => new Promise(() => {})

/** A screen that keeps what was written to it. */
class FakeScreen extends EventEmitter implements Screen {
  readonly destroyed = false
  readonly writableEnded = false
  readonly isTTY: boolean
  readonly columns: number
  text = ''

  constructor(isTTY: boolean, columns = 80) {
    super()
    this.isTTY = isTTY
    this.columns = columns
  }

  write(text: string): void {
    this.text += text
  }

  /** What was drawn since the last time. */
  take(): string {
    const { text } = this
    this.text = ''
    return text
  }
}

/** A lifecycle that hangs at `/app/db`, while two others wait, one of them in a scope. */
function hanging(clock: FakeClock): Lifecycle {
  const life = new Lifecycle({ name: 'app', clock, grace: 1_000 })
  life.defer(() => {}, { name: 'log' })
  life.scope('inner').defer(() => {}, { name: 'cache' })
  life.use({}, { name: 'db', close: never, force: () => {} })
  return life
}

describe('the live view', () => {
  test('names what is closing right now, and counts the rest, until it is over', async () => {
    const clock = new FakeClock()
    const screen = new FakeScreen(true)
    const life = hanging(clock)
    const closing = life.close()
    const hide = showProgress(screen, clock, scopeOf(life))
    expect(screen.take()).toBe(`${CLEAR}/app is closing, 0 ms: db; 2 to come`)
    await clock.advance(99)
    expect(screen.take()).toBe('')
    await clock.advance(1)
    expect(screen.take()).toBe(`${CLEAR}/app is closing, 100 ms: db; 2 to come`)
    await clock.advance(900)
    await closing
    screen.take()
    hide()
    expect(screen.take()).toBe(CLEAR)
    await clock.advance(1_000)
    expect(screen.take()).toBe('')
    expect(clock.pending).toBe(0)
  })

  test('goes into scopes', () => {
    const clock = new FakeClock()
    const screen = new FakeScreen(true)
    const life = new Lifecycle({ name: 'app', clock })
    life.scope('workers').use({}, { name: 'one', close: never, force: () => {} })
    life.close()
    showProgress(screen, clock, scopeOf(life))()
    expect(screen.text).toContain('0 ms: workers/one')
  })

  test.each([
    [20, 19],
    [0, 79],
  ])('keeps to one line of a screen of %i columns', (columns, length) => {
    const clock = new FakeClock()
    const screen = new FakeScreen(true, columns)
    const life = new Lifecycle({ name: 'a'.repeat(100), clock })
    showProgress(screen, clock, scopeOf(life))()
    expect(screen.text).toBe(`${CLEAR}/${'a'.repeat(length - 1)}${CLEAR}`)
  })

  test('does not stand where there is no terminal', async () => {
    const clock = new FakeClock()
    const screen = new FakeScreen(false)
    const hide = showProgress(screen, clock, scopeOf(hanging(clock)))
    expect(clock.pending).toBe(0)
    hide()
    expect(screen.text).toBe('')
  })
})

describe('the report', () => {
  const close = async (count: number) => {
    const life = new Lifecycle('app')
    for (let at = 0; at < count; at++) life.defer(() => {})
    life.defer(() => Promise.reject(new Error('a\nb')), { name: 'broken' })
    return await life.close({ reason: 'it is late' })
  }

  test('is a tree on a terminal', async () => {
    const screen = new FakeScreen(true)
    const report = await close(3)
    showReport(screen, report, 80)
    expect(screen.text).toBe(`${report}\n`)
    expect(screen.text).toMatch(/^\/app ended: 4 resources \(3 closed, 1 failed\)/)
  })

  test('on a terminal has all that went wrong, and the ten slowest of the rest', async () => {
    const screen = new FakeScreen(true)
    showReport(screen, await close(50), 80)
    expect(screen.text.match(/─ /g)).toHaveLength(11)
    expect(screen.text).toContain('broken  failed')
  })

  test('is one line of JSON elsewhere: all that went wrong, and the ten slowest of the rest', async () => {
    const screen = new FakeScreen(false)
    showReport(screen, await close(50), 80)
    expect(screen.text.match(/\n/g)).toHaveLength(1)
    const line = JSON.parse(screen.text)
    expect(line).toMatchObject({
      event: 'endswell:shutdown',
      status: 80,
      reason: 'it is late',
      counts: { closed: 50, failed: 1 },
    })
    expect(line.rows).toHaveLength(11)
    const [broken] = line.rows.filter(({ outcome }: { outcome: string }) => outcome === 'failed')
    expect(broken).toMatchObject({ path: '/app/broken', error: { name: 'Error', message: 'a\nb' } })
  })

  test('that cannot be shown says so, and does not throw', async () => {
    const screen = new FakeScreen(false)
    showReport(screen, { ...(await close(0)), reason: 1n as never }, 80)
    expect(screen.text).toMatch(/^\(cannot be shown: .*BigInt.*\)\n$/)
  })
})

describe('an error', () => {
  test('is shown under its heading, with its stack and its cause', () => {
    const screen = new FakeScreen(false)
    showError(screen, '/app failed:', new Error('outer', { cause: new Error('inner') }))
    expect(screen.text).toMatch(/^\/app failed:\nError: outer\n {4}at .*\[cause\]: Error: inner\n.*\n$/s)
  })

  test('takes the place of the live view', () => {
    const screen = new FakeScreen(true)
    showError(screen, '/app failed:', 'a word')
    expect(screen.text).toBe(`${CLEAR}/app failed:\n'a word'\n`)
  })

  test.each([
    [undefined, 'undefined'],
    [null, 'null'],
    [
      {
        [Symbol.for('nodejs.util.inspect.custom')]: () => {
          throw new Error('no')
        },
      },
      '(cannot be shown: no)',
    ],
  ])('is shown whatever it is (%#)', (error, text) => {
    const screen = new FakeScreen(false)
    showError(screen, 'failed:', error)
    expect(screen.text).toBe(`failed:\n${text}\n`)
  })
})

test('the open paths are those of the leaves, and of many the first twenty', () => {
  const life = new Lifecycle('app')
  expect(openPaths(scopeOf(life))).toEqual([])
  life.defer(() => {}, { name: 'log' })
  life.scope('empty')
  life.scope('inner').defer(() => {}, { name: 'cache' })
  expect(openPaths(scopeOf(life))).toEqual(['/app/log', '/app/empty', '/app/inner/cache'])
  for (let at = 0; at < 18; at++) life.defer(() => {})
  expect(openPaths(scopeOf(life)).slice(-2)).toEqual(['/app/callback#20', '1 more'])
})
