import { getEventListeners, once } from 'node:events'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Lifecycle } from '../../src/index.ts'
import type { LifecycleEvent } from '../../src/lifecycle/event.ts'
import type { SpawnChildOptions } from '../../src/process/child/launch-options.ts'
import { spawnChild } from '../../src/process/spawn-child.ts'
import { marked, markOf, sidecarsOf } from '../fixtures/parent-death/trees.ts'
import { lives } from '../fixtures/processes.ts'
import { until } from '../fixtures/until.ts'

/** A lifecycle that is closed with the test, and what it published. */
function open(options: { grace?: number } = {}): { life: Lifecycle; events: LifecycleEvent[] } {
  const life = new Lifecycle({ name: 'life', ...options })
  const events: LifecycleEvent[] = []
  life.subscribe((event) => events.push(event))
  onTestFinished(async () => {
    await life.close({ force: true })
    await until('no sidecar is left', () => sidecarsOf(process.pid).length === 0)
  })
  return { life, events }
}

/** Runs a script of a shell. */
const sh = (life: Lifecycle, script: string, options: SpawnChildOptions = {}) =>
  spawnChild(life, 'sh', ['-c', script], options)

const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )

describe('a child', () => {
  test('is a resource of its lifecycle, by its pid and its name, and is ended with it', async () => {
    const { life } = open()
    const child = await spawnChild(life, 'sleep', ['60'], { name: 'sleeper' })
    expect(child.path).toBe('/life/sleeper')
    expect(life.snapshot().resources).toMatchObject([
      { path: '/life/sleeper', kind: 'child-process', description: `pid ${child.pid}` },
    ])
    const report = await life.close()
    expect(report.counts).toMatchObject({ closed: 1 })
    expect(report.rows[0]).not.toHaveProperty('note')
    expect(await child.ended).toMatchObject({
      code: null,
      signal: 'SIGTERM',
      forced: false,
      oomHint: false,
      lastWords: [],
    })
  })

  test('leads a group of its own, gets the mark of its tree, and else what was asked for', async () => {
    const { life } = open()
    const lines: string[] = []
    const script = 'ps -o pgid= -o sid= -p $$; env; pwd'
    const options = { env: { PATH: process.env['PATH'], A: '1' }, cwd: '/', onLine: (line: string) => lines.push(line) }
    const { pid, ended } = await sh(life, script, options)
    await ended
    expect(lines[0]?.trim().split(/\s+/)).toEqual([String(pid), String(pid)])
    const names = lines.slice(1, -1).map((line) => line.split('=')[0])
    expect(names.sort()).toEqual(['A', 'ENDSWELL_TREE', 'PATH', 'PWD'])
    expect(lines.at(-1)).toBe('/')
  })

  test('inherits our environment where none is given', async () => {
    const { life } = open()
    const { ended } = await sh(life, 'echo "$PATH"')
    expect((await ended).lastWords).toEqual([process.env['PATH']])
  })

  test('that exits by itself is ended with all that it leaves behind, also in sessions of their own', async () => {
    const { life, events } = open()
    const child = await sh(life, 'sleep 60 & setsid sleep 60 & echo up; read x; exit 3', {
      stdin: 'pipe',
      readyWhen: /up/,
    })
    const mark = markOf(child.pid)
    await until('all are there', () => marked(mark).length === 3)
    child.child.stdin?.end()
    expect(await child.ended).toMatchObject({ code: 3, forced: false })
    expect(marked(mark)).toEqual([])
    expect(life.snapshot().size).toBe(0)
    expect(events.map(({ type }) => type)).toEqual(['resource.created', 'resource.ended'])
  })

  test('is killed with all that it leaves behind when that does not obey', async () => {
    const { life } = open({ grace: 100 })
    const stubborn = "(trap '' TERM; echo up; while :; do sleep 1; done) & wait"
    const child = await sh(life, stubborn, { readyWhen: /up/ })
    const mark = markOf(child.pid)
    const { rows } = await life.close()
    expect(await child.ended).toMatchObject({ signal: 'SIGTERM', forced: true, oomHint: false })
    expect(rows).toMatchObject([
      { outcome: 'forced', note: 'was ended by SIGTERM, and 2 that it had started by force, last words: up' },
    ])
    expect(marked(mark)).toEqual([])
  })

  test.each([
    ['exit 7', 'exited with 7, last words: one ⏎ two'],
    ['exit 0', undefined],
  ])('that ends with %s when it is asked to, says so in the report: %s', async (end, note) => {
    const { life } = open()
    await sh(life, `trap '${end}' TERM; echo one; echo two; while :; do read x; done`, {
      readyWhen: /two/,
      stdin: 'pipe',
    })
    const { rows } = await life.close()
    expect(rows).toMatchObject([{ outcome: 'closed' }])
    expect(rows[0]?.note).toBe(note)
  })

  test.each([
    ['SIGKILL', 'kill -KILL $$', true],
    ['137, as a shell has it', 'exit 137', true],
    ['SIGSEGV', 'kill -SEGV $$', false],
  ])('that ends by %s by itself hints at a lack of memory: %s %s', async (_, script, oomHint) => {
    const { life } = open()
    expect(await (await sh(life, script)).ended).toMatchObject({ forced: false, oomHint })
  })
})

describe('stop', () => {
  test('ends the tree, twice too, by the signal that is asked for', async () => {
    const { life } = open()
    const child = await sh(life, "trap 'exit 5' INT; echo up; while :; do read x; done", {
      readyWhen: /up/,
      stdin: 'pipe',
    })
    const [one, other] = await Promise.all([child.stop({ signal: 'SIGINT' }), child.stop()])
    expect(one).toMatchObject({ code: 5, signal: null, forced: false })
    expect(other).toBe(one)
    expect(await child.stop()).toBe(one)
    expect(life.snapshot().size).toBe(0)
  })

  test('with less grace the second time takes no longer than that', async () => {
    const { life } = open({ grace: 60_000 })
    const child = await sh(life, "trap '' TERM; echo up; while :; do sleep 1; done", { readyWhen: /up/ })
    const first = child.stop()
    const from = performance.now()
    expect(await child.stop({ grace: 50 })).toMatchObject({ signal: 'SIGKILL', forced: true, oomHint: false })
    expect(performance.now() - from).toBeLessThan(10_000)
    await first
  })

  test('by SIGKILL asks nobody first', async () => {
    const { life } = open({ grace: 60_000 })
    const child = await sh(life, "trap 'echo asked' TERM; echo up; while :; do read x; done", {
      readyWhen: /up/,
      stdin: 'pipe',
    })
    expect(await child.stop({ signal: 'SIGKILL' })).toMatchObject({ signal: 'SIGKILL', forced: true, oomHint: false })
    expect(child.lastWords).toEqual(['up'])
  })

  test.each([{ signal: 'SIGNOPE' }, { grace: -1 }, { gracee: 1 }, null])('refuses %o', async (options) => {
    const { life } = open()
    const child = await spawnChild(life, 'sleep', ['60'])
    expect(() => child.stop(options as never)).toThrow(/must be|has no option/)
  })
})

describe('a child that is to become ready', () => {
  test('is, with a whole line that matches', async () => {
    const { life } = open()
    const lines: string[] = []
    const script = 'printf "lis"; sleep 0.05; printf "tening"; sleep 0.05; echo " on 80" >&1; exec sleep 60'
    const child = await sh(life, script, {
      readyWhen: /listening/,
      onLine: (line, from) => lines.push(`${from} ${line}`),
    })
    expect(lines).toEqual(['stdout listening on 80'])
    expect(child.lastWords).toEqual(['listening on 80'])
  })

  test('is, with a line of its standard error', async () => {
    const { life } = open()
    await sh(life, 'echo up >&2; exec sleep 60', { readyWhen: /up/ })
  })

  test('is, with its first message', async () => {
    const { life } = open()
    const script = "process.send('up'); process.on('message', () => process.exit(0))"
    const child = await spawnChild(life, process.execPath, ['-e', script], { readyWhen: 'message' })
    child.child.send('go')
    expect(await child.ended).toMatchObject({ code: 0 })
  })

  test('is, when a function says so that is given the child', async () => {
    const { life } = open()
    const child = await sh(life, 'echo hello; exec sleep 60', {
      readyWhen: ({ lastWords, child: { stdout } }) =>
        lastWords.length > 0 ? undefined : once(stdout as never, 'data'),
    })
    expect(lives(child.pid)).toBe(true)
  })

  test('and exits before, fails with how it ended and its last words', async () => {
    const { life, events } = open()
    const error = await failure(sh(life, 'echo no such table; exit 4', { name: 'db', readyWhen: /up/ }))
    expect(error).toMatchObject({
      name: 'ChildError',
      code: 'ERR_EXITED',
      path: '/life/db',
      command: 'sh',
      message: 'sh exited with 4 before it was ready, last words: no such table',
      exit: { code: 4, lastWords: ['no such table'] },
    })
    expect(life.snapshot().size).toBe(0)
    expect(events.map(({ type }) => type)).not.toContain('resource.error')
  })

  test('and is not in time, fails with a TimeoutError and its last words, when nothing of it lives', async () => {
    const { life } = open()
    let pid = 0
    const started = sh(life, 'echo waiting for the database; sleep 60 & wait', {
      readyWhen: (child) => {
        pid = child.pid
        return new Promise(() => {})
      },
      readyTimeout: 200,
    })
    const mark = markOf(pid)
    const error = await failure(started)
    expect(error).toMatchObject({ name: 'TimeoutError', code: 'ERR_TIMEOUT', path: '/life/child-process#1' })
    expect(error).toMatchObject({ cause: { exit: { lastWords: ['waiting for the database'] } } })
    expect(marked(mark)).toEqual([])
  })

  test('fails with what its function throws, when nothing of it lives', async () => {
    const { life } = open()
    const error = new Error('no')
    let pid = 0
    const readyWhen: SpawnChildOptions['readyWhen'] = (child) => {
      pid = child.pid
      throw error
    }
    expect(await failure(spawnChild(life, 'sleep', ['60'], { readyWhen }))).toBe(error)
    expect(lives(pid)).toBe(false)
  })

  test('while its lifecycle closes, fails with ERR_CLOSED, which is no unhandled rejection', async () => {
    const { life } = open()
    let signal: AbortSignal | undefined
    const started = spawnChild(life, 'sleep', ['60'], {
      readyWhen: (_, given) => {
        signal = given
        return new Promise(() => {})
      },
    })
    expect((await life.close()).counts).toMatchObject({ closed: 1 })
    expect(signal?.aborted).toBe(true)
    const error = await failure(started)
    expect(error).toBeInstanceOf(ReferenceError)
    expect(error).toMatchObject({ code: 'ERR_CLOSED' })
  })

  test('while it is released, fails with ERR_ABORTED', async () => {
    const { life } = open()
    const started = spawnChild(life, 'sleep', ['60'], { name: 'sleeper', readyWhen: /never/ })
    expect(await life.release('sleeper')).toBe('closed')
    expect(await failure(started)).toMatchObject({ code: 'ERR_ABORTED', path: '/life/sleeper' })
  })
})

describe('a signal', () => {
  test('ends the tree when it aborts, and is listened to no longer than it lives', async () => {
    const { life } = open()
    const controller = new AbortController()
    const { signal } = controller
    const child = await spawnChild(life, 'sleep', ['60'], { signal })
    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
    controller.abort()
    expect(await child.ended).toMatchObject({ signal: 'SIGTERM', oomHint: false })
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })

  test('that aborts before the child is ready is why it fails', async () => {
    const { life } = open()
    const controller = new AbortController()
    const started = spawnChild(life, 'sleep', ['60'], { signal: controller.signal, readyWhen: /never/ })
    const reason = new Error('changed my mind')
    controller.abort(reason)
    expect(await failure(started)).toBe(reason)
    expect(life.snapshot().size).toBe(0)
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
  })

  test('that has aborted starts nothing', async () => {
    const { life, events } = open()
    const reason = new Error('never mind')
    expect(await failure(spawnChild(life, 'sleep', ['60'], { signal: AbortSignal.abort(reason) }))).toBe(reason)
    expect(events).toEqual([])
    expect(sidecarsOf(process.pid)).toEqual([])
  })
})

describe('output', () => {
  test('that comes with the exit is heard to its end', async () => {
    const { life } = open()
    let count = 0
    const child = await sh(life, 'seq 20000; printf "no end"', { onLine: () => count++, lastWords: 2 })
    expect(await child.ended).toMatchObject({ lastWords: ['20000', 'no end'] })
    expect(count).toBe(20_001)
  })

  test('is read on where onLine throws, and that is published', async () => {
    const { life, events } = open()
    const error = new Error('no')
    const onLine = (line: string) => {
      if (line === 'two') throw error
    }
    const child = await sh(life, 'echo one; echo two; echo three', { onLine })
    expect((await child.ended).lastWords).toEqual(['one', 'two', 'three'])
    expect(events).toContainEqual(expect.objectContaining({ type: 'resource.error', path: child.path, error }))
  })

  test("is nobody's where it is ignored", async () => {
    const { life } = open()
    const child = await sh(life, 'echo one', { output: 'ignore' })
    expect(child.child.stdout).toBe(null)
    expect((await child.ended).lastWords).toEqual([])
  })

  test('to a child that does not read it any more is published, and no uncaught error', async () => {
    const { life, events } = open()
    const child = await sh(life, 'exec <&-; echo up; exec sleep 60', { stdin: 'pipe', readyWhen: /up/ })
    child.child.stdin?.write('x'.repeat(10))
    const isTold = () =>
      events.some(({ type, error }) => type === 'resource.error' && (error as { code?: string }).code === 'EPIPE')
    await until('it is told', isTold)
  })
})

describe('what the system does not start', () => {
  test.each([
    ['a command that does not exist', ['/nowhere', []], {}, /ENOENT/],
    ['one that may not be run', ['/etc/passwd', []], {}, /EACCES/],
    ['a directory that does not exist', ['true', []], { cwd: '/nowhere' }, /ENOENT.*There is no directory \/nowhere/],
    ['arguments that are too long', ['true', ['x'.repeat(3_000_000)]], {}, /E2BIG/],
  ] as const)('%s fails, and nothing is left', async (_, [command, args], options, message) => {
    const { life } = open()
    const error = await failure(spawnChild(life, command, args, { ...options, name: 'it' }))
    expect(error).toMatchObject({ name: 'ChildError', code: 'ERR_SPAWN_FAILED', path: '/life/it', command })
    expect((error as Error).message).toMatch(message)
    expect((error as Error).cause).toBeInstanceOf(Error)
    expect(life.snapshot().size).toBe(0)
  })
})

describe('refuses at once', () => {
  const { life } = { life: new Lifecycle('life') }

  test.each([
    ['a command that is none', [3, []]],
    ['an empty command', ['', []]],
    ['a NUL', ['a\0b', []]],
    ['arguments that are no array', ['true', 'x']],
    ['an argument that is no string', ['true', [1]]],
    ['an unknown option', ['true', [], { readyWen: /x/ }]],
    ['a bad cwd', ['true', [], { cwd: 3 }]],
    ['a bad env', ['true', [], { env: 'A=1' }]],
    ['a bad stdin', ['true', [], { stdin: 'lines' }]],
    ['a bad output', ['true', [], { output: 'pipe' }]],
    ['a bad ipc', ['true', [], { ipc: 1 }]],
    ['messages without ipc', ['true', [], { ipc: false, readyWhen: 'message' }]],
    ['lines of what is not read', ['true', [], { output: 'inherit', readyWhen: /x/ }]],
    ['onLine of what is not read', ['true', [], { output: 'ignore', onLine() {} }]],
    ['a bad readyWhen', ['true', [], { readyWhen: 'x' }]],
    ['a bad readyTimeout', ['true', [], { readyTimeout: Number.POSITIVE_INFINITY }]],
    ['a bad onLine', ['true', [], { onLine: 3 }]],
    ['bad lastWords', ['true', [], { lastWords: -1 }]],
    ['a bad grace', ['true', [], { grace: -1 }]],
    ['a bad signal', ['true', [], { signal: {} }]],
    ['a bad name', ['true', [], { name: 'a/b' }]],
    ['an unknown sibling', ['true', [], { dependsOn: ['nobody'] }]],
    ['a bad onParentDeath', ['true', [], { onParentDeath: 'sometimes' }]],
  ])('%s', (_, args) => {
    expect(() => (spawnChild as (...args: unknown[]) => unknown)(life, ...args)).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^ERR_(INVALID_ARG_TYPE|OUT_OF_RANGE|UNKNOWN_\w+)$/) }),
    )
    expect(sidecarsOf(process.pid)).toEqual([])
  })

  test('a lifecycle that has closed', async () => {
    const closed = new Lifecycle('closed')
    await closed.close()
    expect(() => spawnChild(closed, 'true')).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }))
  })
})

describe('a child that is forgotten', () => {
  test('lives on, and nobody guards it; stop can still end it', async () => {
    const { life } = open()
    const child = await spawnChild(life, 'sleep', ['60'])
    onTestFinished(() => void child.child.kill('SIGKILL'))
    expect(child.parentDeathGuard).toBe('sidecar')
    expect(life.forget(child.child)).toBe(true)
    await until('nobody guards it', () => child.parentDeathGuard === 'none')
    await life.close()
    await until('no sidecar is left', () => sidecarsOf(process.pid).length === 0)
    expect(lives(child.pid)).toBe(true)
    expect(await child.stop()).toMatchObject({ signal: 'SIGTERM' })
  })

  test('and exits has ended, whatever it leaves behind', async () => {
    const { life } = open()
    const child = await sh(life, 'sleep 60 & echo up; read x', { stdin: 'pipe', readyWhen: /up/ })
    const mark = markOf(child.pid)
    onTestFinished(() => {
      for (const pid of marked(mark)) process.kill(pid, 'SIGKILL')
    })
    life.forget(child.child)
    child.child.stdin?.end()
    expect(await child.ended).toMatchObject({ code: 1 })
    expect(marked(mark)).toHaveLength(1)
  })
})

describe('when this process dies', () => {
  test('one sidecar guards all children of a lifecycle and those inside it', async () => {
    const { life } = open()
    const one = await spawnChild(life, 'sleep', ['60'])
    const other = await spawnChild(life.scope('inside'), 'sleep', ['60'])
    expect([one.parentDeathGuard, other.parentDeathGuard]).toEqual(['sidecar', 'sidecar'])
    expect(sidecarsOf(process.pid)).toHaveLength(1)
    await one.stop()
    expect(sidecarsOf(process.pid)).toHaveLength(1)
    expect([one.parentDeathGuard, other.parentDeathGuard]).toEqual(['none', 'sidecar'])
    await life.close()
    await until('no sidecar is left', () => sidecarsOf(process.pid).length === 0)
  })

  test('nobody guards a child where that was asked for', async () => {
    const { life } = open()
    const child = await spawnChild(life, 'sleep', ['60'], { onParentDeath: 'none' })
    expect(child.parentDeathGuard).toBe('none')
    expect(sidecarsOf(process.pid)).toEqual([])
  })

  test('a sidecar that is lost is told of once, and its children say that nobody guards them', async () => {
    const { life, events } = open()
    const child = await spawnChild(life, 'sleep', ['60'])
    const seen = new Set<number>()
    const isLost = () => events.some(({ type }) => type === 'resource.error')
    while (!isLost()) {
      for (const pid of sidecarsOf(process.pid)) {
        if (!seen.has(pid)) process.kill(pid, 'SIGKILL')
        seen.add(pid)
      }
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    expect(child.parentDeathGuard).toBe('none')
    expect(seen.size).toBe(4)
    expect(events.filter(({ type }) => type === 'resource.error')).toMatchObject([{ path: '/life' }])
    expect(await child.stop()).toMatchObject({ signal: 'SIGTERM' })
  })
})
