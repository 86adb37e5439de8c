import { defineKind, Lifecycle } from 'endswell'
import { describe, expect, test } from 'vitest'
import { Log, thrownBy } from './stubs.ts'

const { asyncDispose, dispose } = Symbol

describe('what is given to use() ends', () => {
  test('by its own disposer, the async one first', async () => {
    const log = new Log()
    const life = new Lifecycle()
    const value = { [asyncDispose]: log.at('async'), [dispose]: log.at('sync') }
    expect(life.use(value)).toBe(value)
    await life.close()
    expect(log.lines).toEqual(['async'])
  })

  test('by a kind of the lifecycle that matches, the first one', async () => {
    const log = new Log()
    const kinds = ['first', 'second'].map((name) =>
      defineKind<string[]>({ name, matches: Array.isArray, close: (value) => log.at(`${name} ${value[0]}`)() }),
    )
    const life = new Lifecycle({ name: 'app', kinds })
    life.use(['a'])
    life.scope('inside').use(['b'])
    expect(life.snapshot().resources).toMatchObject([{ path: '/app/first#1', kind: 'first' }, { path: '/app/inside' }])
    await life.close()
    expect(log.lines).toEqual(['first b', 'first a'])
  })

  test('in a scope by its own kinds first, then by its parent’s', () => {
    const kind = (name: string, matches: (value: unknown) => boolean) => defineKind({ name, matches, close: () => {} })
    const life = new Lifecycle({ kinds: [kind('array', Array.isArray), kind('map', (value) => value instanceof Map)] })
    const scope = life.scope('inside', { kinds: [kind('list', Array.isArray)] })
    scope.use([])
    scope.use(new Map())
    expect(scope.snapshot().resources.map(({ kind }) => kind)).toEqual(['list', 'map'])
  })

  test('by another kind, or its own disposer, where a kind cannot bear to look at it', async () => {
    const log = new Log()
    const broken = defineKind({
      name: 'broken',
      matches: () => {
        throw new Error('no')
      },
      close: log.at('broken'),
    })
    const life = new Lifecycle({ kinds: [broken] })
    life.use({ [dispose]: log.at('own') })
    await life.close()
    expect(log.lines).toEqual(['own'])
  })

  test('by the kind that is given, whether it matches or not', async () => {
    const log = new Log()
    const life = new Lifecycle()
    const kind = defineKind<{ id: number }>({
      name: 'thing',
      matches: () => false,
      close: ({ id }) => log.at(`thing ${id}`)(),
    })
    life.use({ id: 1, [dispose]: log.at('own') }, { kind })
    await life.close()
    expect(log.lines).toEqual(['thing 1'])
  })

  test('by its own disposer with { kind: false }, whatever matches', async () => {
    const log = new Log()
    const life = new Lifecycle({ kinds: [defineKind({ name: 'all', matches: () => true, close: log.at('kind') })] })
    life.use({ [dispose]: log.at('own') }, { kind: false })
    await life.close()
    expect(log.lines).toEqual(['own'])
  })

  test('by a method of that name, called on it without arguments', async () => {
    const life = new Lifecycle()
    const calls: unknown[] = []
    const client = {
      quit(...args: unknown[]) {
        calls.push(this === client, args)
      },
    }
    life.use(client, { close: 'quit' })
    await life.close()
    expect(calls).toEqual([true, []])
  })

  test('by a function, which gets the value', async () => {
    const life = new Lifecycle()
    const client = { id: 7 }
    const calls: unknown[] = []
    life.use(client, { close: (value) => void calls.push(value) })
    await life.close()
    expect(calls).toEqual([client])
  })

  test('by the method that it had when it was registered', async () => {
    const log = new Log()
    const life = new Lifecycle()
    const client = { quit: log.at('old') }
    life.use(client, { close: 'quit' })
    client.quit = log.at('new')
    await life.close()
    expect(log.lines).toEqual(['old'])
  })

  test('by a symbol as the name of a method too', async () => {
    const log = new Log()
    const stop = Symbol('stop')
    const life = new Lifecycle()
    const client = { [stop]: log.at('stop') }
    life.use(client, { close: stop })
    await life.close()
    expect(log.lines).toEqual(['stop'])
  })
})

describe('use() refuses, and registers nothing', () => {
  const client = { quit() {}, port: 1 }
  test.each<[string, unknown, unknown, string]>([
    ['a value that nothing tells how to end', {}, {}, 'Say how it ends'],
    ['a primitive', 'text', {}, 'must be an object'],
    ['a method that it has not', client, { close: 'end' }, "'end' is not a method of the value"],
    ['a property that is no method', client, { close: 'port' }, "'port' is not a method of the value"],
    ['a close of another type', client, { close: 1 }, 'options.close must be a function'],
    ['a force that it has not', client, { close: 'quit', force: 'kill' }, "'kill' is not a method of the value"],
    ['a kind beside close', client, { close: 'quit', kind: false }, 'options.kind must be left out'],
    ['a kind that is none', client, { kind: 'server' }, 'options.kind must be a kind or false'],
    ['a kind without close', client, { kind: { name: 'thing' } }, 'options.kind.close must be a function'],
    ['a kind of null', client, { kind: null }, 'options.kind must be a kind or false'],
    ['force without close', client, { force: 'end' }, 'There is no force without a close'],
  ])('%s', (_what, value, options, message) => {
    const life = new Lifecycle()
    const error = thrownBy(() => life.use(value, options as object))
    expect(error).toBeInstanceOf(TypeError)
    expect(error).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE', message: expect.stringContaining(message) })
    expect(life.snapshot().size).toBe(0)
  })

  test('what its kind cannot listen to', () => {
    const life = new Lifecycle()
    const kind = {
      name: 'broken',
      matches: () => false,
      close: () => {},
      onGone: (): undefined => {
        throw new RangeError('no')
      },
    }
    expect(() => life.use({}, { kind })).toThrow('no')
    expect(life.snapshot().size).toBe(0)
  })
})

describe('what ends by itself leaves by itself', () => {
  const kind = defineKind<EventTarget>({
    name: 'thing',
    matches: () => false,
    close: () => {},
    onGone: (target, leave) => {
      target.addEventListener('gone', leave)
      return () => target.removeEventListener('gone', leave)
    },
  })

  test('at once, and is not ended', async () => {
    const life = new Lifecycle('app')
    const events: string[] = []
    life.subscribe(({ type }) => events.push(type))
    const target = life.use(new EventTarget(), { kind })
    target.dispatchEvent(new Event('gone'))
    target.dispatchEvent(new Event('gone'))
    expect(life.snapshot().size).toBe(0)
    expect(events).toEqual(['resource.created', 'resource.left'])
    expect((await life.close()).counts.closed).toBe(0)
  })

  test('also where it is gone already when it is registered', () => {
    const life = new Lifecycle()
    let watching = 0
    const gone = defineKind<object>({
      name: 'thing',
      matches: () => false,
      close: () => {},
      onGone: (_value, leave) => {
        leave()
        watching += 1
        return () => {
          watching -= 1
        }
      },
    })
    life.use({}, { kind: gone })
    expect(life.snapshot().size).toBe(0)
    expect(watching).toBe(0)
  })

  test('and frees what it depended on', async () => {
    const life = new Lifecycle()
    const log = new Log()
    life.defer(log.at('db'), { name: 'db' })
    const target = life.use(new EventTarget(), { kind, dependsOn: ['db'] })
    life.defer(() => void target.dispatchEvent(new Event('gone')))
    await life.close()
    expect(log.lines).toEqual(['db'])
  })
})
