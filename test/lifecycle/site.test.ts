import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type LeakLevel, Lifecycle, type Site } from 'endswell'
import { describe, expect, test } from 'vitest'

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')
const run = promisify(execFile)

const sites = (life: Lifecycle): (Site | undefined)[] => life.snapshot().resources.map(({ site }) => site)
const kept = (life: Lifecycle): number => sites(life).filter(Boolean).length

/** Registers `count` callbacks at one place. */
function registerHere(life: Lifecycle, count: number): void {
  for (let at = 0; at < count; at += 1) life.defer(() => {})
}

describe('the site of a resource', () => {
  test('is the place of the call: file, line, column and function', () => {
    const life = new Lifecycle()
    registerHere(life, 1)
    const [site] = sites(life)
    expect(site).toMatchObject({ file: expect.stringContaining('site.test.ts'), function: 'registerHere' })
    expect(site?.line).toBeGreaterThan(1)
    expect(site?.column).toBeGreaterThan(1)
  })

  const ways: Record<string, (life: Lifecycle) => unknown> = {
    use: (life) => life.use({ [Symbol.dispose]() {} }),
    adopt: (life) => life.adopt(1, () => {}),
    defer: (life) => life.defer(() => {}),
    scope: (life) => life.scope('inside'),
    task: (life) => life.task('work', () => new Promise(() => {})),
    every: (life) => life.every('tick', 1_000, () => {}),
    after: (life) => life.after('later', 1_000, () => {}),
    acquire: (life) =>
      life.acquire(
        'db',
        () => new Promise(() => {}),
        () => {},
      ),
  }
  test.each(Object.entries(ways))('is the user’s own for %s, not one in this library', async (_name, register) => {
    const life = new Lifecycle({ leaks: 'full' })
    register(life)
    expect(sites(life)).toMatchObject([{ file: expect.stringContaining('site.test.ts') }])
    await life.close({ timeout: 0 })
  })

  test('is that of the call for what acquire registers later', async () => {
    const life = new Lifecycle({ leaks: 'full' })
    const acquired = life.acquire(
      'db',
      async () => {},
      () => {},
    )
    const [before] = sites(life)
    await acquired
    expect(sites(life)).toEqual([before])
    expect(before?.file).toContain('site.test.ts')
  })

  test('is in the row of the report and frozen', async () => {
    const life = new Lifecycle({ leaks: 'full' })
    life.defer(() => {})
    const [site] = sites(life)
    expect(Object.isFrozen(site)).toBe(true)
    expect((await life.close()).rows[0]?.site).toBe(site)
  })
})

describe('the leak level', () => {
  test.each<[LeakLevel, number]>([
    ['off', 0],
    ['counts', 0],
    ['sampled', 16],
    ['full', 3_000],
    ['paranoid', 3_000],
  ])('%s keeps %i of 3 000 sites at one place', (leaks, count) => {
    const life = new Lifecycle({ leaks })
    registerHere(life, 3_000)
    expect(kept(life)).toBe(count)
  })

  test('is sampled by default', () => {
    const life = new Lifecycle()
    registerHere(life, 100)
    expect(kept(life)).toBe(16)
  })

  test('sampled keeps the first 16 of each place, also where they take turns', () => {
    const life = new Lifecycle()
    for (let at = 0; at < 16; at += 1) {
      life.defer(() => {})
      life.defer(() => {})
      life.defer(() => {})
    }
    expect(kept(life)).toBe(48)
  })

  test('sampled sees a new place sooner or later, however busy the others are', () => {
    const life = new Lifecycle()
    registerHere(life, 10_000)
    const before = kept(life)
    for (let at = 0; at < 2_000; at += 1) life.defer(() => {})
    expect(kept(life)).toBeGreaterThan(before)
  })

  test('sampled keeps all sites of what tells of its own end, such as a server or a worker', () => {
    const life = new Lifecycle()
    const kind = { name: 'rare', matches: () => false, close: () => {}, onGone: () => () => {} }
    for (let at = 0; at < 100; at += 1) life.use({}, { kind })
    expect(kept(life)).toBe(100)
  })

  test('counts a place once for a lifecycle and all scopes in it', () => {
    const life = new Lifecycle()
    const scopes = Array.from({ length: 100 }, () => life.scope('request'))
    for (const scope of scopes) registerHere(scope, 1)
    expect(scopes.map(kept).filter((count) => count === 1)).toHaveLength(16)
  })

  test('of a scope can differ from its parent’s', () => {
    const life = new Lifecycle({ leaks: 'off' })
    const scope = life.scope('inside', { leaks: 'full' })
    registerHere(scope, 20)
    registerHere(life, 20)
    expect([kept(scope), kept(life)]).toEqual([20, 0])
  })
})

test('a site pins nothing of the place that made the resource', async () => {
  const life = new Lifecycle({ leaks: 'full' })
  const ref = ((): WeakRef<object> => {
    const request = { body: 'a request' }
    const handle = function (this: object, _request: object): void {
      life.defer(() => {})
    }
    handle.call(request, request)
    return new WeakRef(request)
  })()
  for (let turn = 0; turn < 5; turn += 1) {
    collect()
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(ref.deref() === undefined).toBe(true)
  expect(kept(life)).toBe(1)
})

test('looking for a site leaves Error as it was', () => {
  const { prepareStackTrace, stackTraceLimit } = Error
  const own = (): string => 'own'
  try {
    Error.stackTraceLimit = 3
    Error.prepareStackTrace = own
    const life = new Lifecycle({ leaks: 'full' })
    registerHere(life, 1)
    expect(kept(life)).toBe(1)
    expect(Error.stackTraceLimit).toBe(3)
    expect(Error.prepareStackTrace).toBe(own)
    expect(new Error('text').stack).toBe('own')
  } finally {
    Error.stackTraceLimit = stackTraceLimit
    if (prepareStackTrace === undefined) Reflect.deleteProperty(Error, 'prepareStackTrace')
    else Error.prepareStackTrace = prepareStackTrace
  }
})

test('where Error is frozen there are no sites, and all else works', async () => {
  const script = `
    import { Lifecycle } from ${JSON.stringify(new URL('../../src/index.ts', import.meta.url).href)}
    Object.freeze(Error)
    const life = new Lifecycle({ name: 'app', leaks: 'full' })
    life.defer(() => {})
    const [{ site }] = life.snapshot().resources
    const { counts } = await life.close()
    console.log(JSON.stringify({ site: site ?? null, counts }))
  `
  const { stdout } = await run(process.execPath, ['--no-warnings', '--input-type=module', '-e', script])
  expect(JSON.parse(stdout)).toEqual({ site: null, counts: { closed: 1, forced: 0, failed: 0, abandoned: 0 } })
})
