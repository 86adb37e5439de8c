import { Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Lifecycle } from '../../../src/index.ts'
import type { LifecycleEvent } from '../../../src/lifecycle/event.ts'
import { scopeOf } from '../../../src/lifecycle/lifecycle.ts'
import { launch } from '../../../src/process/child/launch.ts'
import type { SpawnChildOptions } from '../../../src/process/child/launch-options.ts'
import { spawnChild } from '../../../src/process/spawn-child.ts'
import { FakeClock } from '../../../src/testing/fake-clock.ts'
import { lives } from '../../fixtures/processes.ts'
import { until } from '../../fixtures/until.ts'

/** A lifecycle that is closed with the test, and what it published. */
function open(options: { grace?: number } = {}) {
  const life = new Lifecycle({ name: 'life', ...options })
  const events: LifecycleEvent[] = []
  life.subscribe((event) => events.push(event))
  onTestFinished(async () => void (await life.close({ force: true })))
  return { life, events }
}

const plain = { onParentDeath: 'none' } as const
const stubborn = "trap '' TERM; echo up; while :; do sleep 1; done"

/** Runs a script of a shell. */
const sh = (life: Lifecycle, script: string, options: SpawnChildOptions = {}) =>
  spawnChild(life, 'sh', ['-c', script], { ...plain, ...options })

/** What a promise rejects with. */
const failure = (promise: Promise<unknown>): Promise<unknown> => promise.then(() => undefined, String)

describe('output that is read slowly', () => {
  test('is read to its end, though the child has exited long before, and that is no failure', async () => {
    const { life } = open()
    const child = await spawnChild(life, 'sh', ['-c', 'seq 40000'], plain)
    let text = ''
    for await (const chunk of child.child.stdout ?? []) {
      text += chunk
      await sleep(150)
    }
    expect(text.endsWith('\n40000\n')).toBe(true)
    expect(await child.ended).toMatchObject({ code: 0, forced: false })
    expect(life.snapshot().size).toBe(0)
  })

  test('is cut off when the grace is over, and the report says that', async () => {
    const { life } = open({ grace: 300 })
    const child = await sh(life, 'seq 40000; exec sleep 60')
    child.child.stdout?.pipe(new Writable({ write() {} }))
    await until('it has come', () => (child.child.stdout?.readableLength ?? 0) > 0)
    const { rows } = await life.close()
    expect(rows).toMatchObject([{ outcome: 'forced', note: 'its output was not read in time' }])
    expect(await child.ended).toMatchObject({ signal: 'SIGTERM', forced: false, abandoned: false })
  })
})

describe('a child that is forgotten before it is ready', () => {
  const forgotten = (options: SpawnChildOptions) => {
    const { life } = open()
    const launched = launch(life, 'sleep', ['60'], { ...plain, ...options })
    onTestFinished(() => void launched.child.kill('SIGKILL'))
    life.forget(launched.child)
    return launched
  }

  test('is waited for no longer when its time is up, and lives on', async () => {
    const launched = forgotten({ readyWhen: /never/, readyTimeout: 50 })
    await expect(launched.ready).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
    expect(lives(launched.pid)).toBe(true)
  })

  test('is waited for no longer when its signal aborts, which does not end it any more', async () => {
    const controller = new AbortController()
    const launched = forgotten({ readyWhen: /never/, signal: controller.signal })
    const reason = new Error('changed my mind')
    controller.abort(reason)
    await expect(launched.ready).rejects.toBe(reason)
    expect(lives(launched.pid)).toBe(true)
  })
})

describe('whoever hears of its birth', () => {
  /** Does something in the turn in which a child is registered. */
  const heard = (act: (life: Lifecycle) => unknown, options: SpawnChildOptions = {}) => {
    const { life, events } = open()
    let result: unknown
    life.subscribe(({ type }) => {
      if (type === 'resource.created') result = act(life)
    })
    const launched = launch(life, 'sleep', ['60'], { ...plain, name: 'it', ...options })
    onTestFinished(() => void launched.child.kill('SIGKILL'))
    return { life, events, launched, result: () => result }
  }

  test.each([
    ['close its lifecycle', (life: Lifecycle) => life.close(), 'ERR_CLOSED'],
    ['force its lifecycle', (life: Lifecycle) => life.close({ force: true }), 'ERR_CLOSED'],
    ['release it', (life: Lifecycle) => life.release('it'), 'ERR_ABORTED'],
  ])('can %s', async (_, act, code) => {
    for (const readyWhen of [undefined, /never/]) {
      const { life, events, launched } = heard(act, readyWhen && { readyWhen })
      const ready = failure(launched.ready)
      expect(await launched.ended).toMatchObject({ abandoned: false })
      expect(await ready).toMatch(/was ended before it was ready/)
      await expect(launched.ready).rejects.toMatchObject({ code })
      expect(lives(launched.pid)).toBe(false)
      expect(life.snapshot().size).toBe(0)
      const { outcome } = events.find(({ type }) => type === 'resource.ended') ?? {}
      expect(['closed', 'forced']).toContain(outcome)
    }
  })

  test('can abort its signal', async () => {
    const controller = new AbortController()
    const { launched } = heard(() => controller.abort(new Error('no')), { signal: controller.signal, readyWhen: /x/ })
    await expect(launched.ready).rejects.toThrow('no')
    expect(lives(launched.pid)).toBe(false)
  })

  test('can have it forgotten, and then nothing holds it', async () => {
    const { life, launched } = heard((life) => life.forget('it'), { onParentDeath: 'auto' })
    expect(await launched.ready).toBe(launched)
    expect(scopeOf(life).entries.byValue(launched.child)).toEqual([])
    expect(launched.parentDeathGuard).toBe('none')
    expect(lives(launched.pid)).toBe(true)
  })
})

describe('stop', () => {
  test.each([{ grace: 0 }, { signal: 'SIGKILL' }, { grace: 50 }] as const)(
    'with %o while it is being ended forces it by way of the report',
    async (options) => {
      const { life } = open({ grace: 60_000 })
      const child = await sh(life, stubborn, { readyWhen: /up/ })
      const closing = life.close()
      expect(await child.stop(options)).toMatchObject({ signal: 'SIGKILL', forced: true, oomHint: false })
      const note = expect.stringMatching(/^was ended by SIGKILL/)
      expect((await closing).rows).toMatchObject([{ outcome: 'forced', note }])
    },
  )

  test('leaves no timer when it ends before', async () => {
    const clock = new FakeClock()
    const life = new Lifecycle({ name: 'life', clock })
    const launched = launch(life, 'sleep', ['60'], plain)
    void launched.stop()
    void launched.stop({ grace: 1_000 })
    while (launched.child.signalCode === null) await sleep(5)
    await clock.advance(100)
    await launched.ended
    expect(clock.pending).toBe(0)
    await life.close()
  })

  test('by SIGKILL is an end by force in the events, too', async () => {
    const { life, events } = open()
    const child = await sh(life, stubborn, { readyWhen: /up/ })
    expect(await child.stop({ signal: 'SIGKILL' })).toMatchObject({ forced: true, oomHint: false })
    expect(events.find(({ type }) => type === 'resource.ended')).toMatchObject({ outcome: 'forced' })
  })
})

test('a SIGKILL that was not ours hints at a lack of memory, whatever was sent to it before', async () => {
  const { life } = open()
  const child = await sh(life, "trap 'echo got it' USR1; echo up; while :; do read x; done", {
    stdin: 'pipe',
    readyWhen: /up/,
  })
  child.child.kill('SIGUSR1')
  await until('it has heard that', () => child.lastWords.includes('got it'))
  process.kill(child.pid, 'SIGKILL')
  expect(await child.ended).toMatchObject({ signal: 'SIGKILL', oomHint: true })
})

test('what a promise of onLine rejects with is published, and is no unhandled rejection', async () => {
  const { life, events } = open()
  const error = new Error('no')
  const child = await sh(life, 'echo one; echo two', { onLine: () => Promise.reject(error) })
  await child.ended
  expect(events.filter((event) => event.error === error).map(({ type }) => type)).toEqual(
    Array(2).fill('resource.error'),
  )
})

describe('stopSignal', () => {
  const script = "trap 'exit 5' INT; trap 'exit 6' TERM; echo up; while :; do read x; done"
  const options = { stopSignal: 'SIGINT', stdin: 'pipe', readyWhen: /up/ } as const

  test('is what its lifecycle and stop ask with', async () => {
    const { life } = open()
    const one = await sh(life, script, options)
    expect(await one.stop()).toMatchObject({ code: 5 })
    const other = await sh(life, script, options)
    await life.close()
    expect(await other.ended).toMatchObject({ code: 5 })
  })

  test('gives way to what stop is told', async () => {
    const { life } = open()
    const child = await sh(life, script, options)
    expect(await child.stop({ signal: 'SIGTERM' })).toMatchObject({ code: 6 })
  })

  test.each(['SIGNOPE', 'SIGKILL', 'SIGSTOP', 9, null])('cannot be %o', (stopSignal) => {
    const { life } = open()
    expect(() => spawnChild(life, 'true', [], { stopSignal } as never)).toThrow('options.stopSignal must be')
    expect(life.snapshot().size).toBe(0)
  })
})

test('a child is ended with the block that declares it', async () => {
  const { life } = open()
  let pid = 0
  {
    await using child = await spawnChild(life, 'sleep', ['60'], plain)
    pid = child.pid
  }
  expect(lives(pid)).toBe(false)
})

test('a child shows itself in few words', async () => {
  const { life } = open()
  const child = await spawnChild(life, 'sleep', ['60'], { ...plain, name: 'it' })
  const shown = inspect(child)
  expect(shown).toContain("path: '/life/it'")
  expect(shown).toContain("state: 'ready'")
  expect(shown.split('\n').length).toBeLessThan(10)
})

describe('the door', () => {
  test.each([
    ['no lifecycle', [42, 'true'], 'life must be a Lifecycle'],
    ['options that are null', ['life', 'true', [], null], 'options must be an object'],
    ['an environment that is a list', ['life', 'true', [], { env: ['A=1'] }], 'options.env must be an object'],
  ])('refuses %s', (_, [life, ...rest], message) => {
    const args = [life === 'life' ? open().life : life, ...rest]
    expect(() => (spawnChild as (...args: unknown[]) => unknown)(...args)).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE', message: expect.stringContaining(message) }),
    )
  })
})
