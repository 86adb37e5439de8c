import fs, { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Lifecycle } from 'endswell'
import { RetryBuffer, type RetryBufferOptions } from 'endswell/bounded'
import { FakeClock } from 'endswell/testing'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { ownFolder } from '../fixtures/folder.ts'
import { until } from '../fixtures/until.ts'

let folder = ''
let path = ''

beforeEach(() => {
  folder = ownFolder()
  path = join(folder, 'items.retry')
})

const away = (): never => {
  throw new Error('away')
}

/** A buffer whose saves fail, unless told otherwise. */
function open<T = string>(options: Partial<RetryBufferOptions<T>> = {}): RetryBuffer<T> {
  return new RetryBuffer<T>({ save: away, spill: { path, every: 10 }, ...options })
}

const items = <T>(buffer: RetryBuffer<T>): [string, T | undefined][] =>
  [...buffer.keys()].map((key) => [key, buffer.get(key)])
const lines = (): string[] => readFileSync(path, 'utf8').split('\n').filter(Boolean)

describe('what waits', () => {
  test('is on disk when flush resolves, and comes back after a crash, in order', async () => {
    const first = open<unknown>()
    const all: [string, unknown][] = [
      ['a', { text: 'line\nbreak', list: [1, null] }],
      ['b b', 'ü€😀\u2028'],
      ['', 0],
    ]
    for (const [key, item] of all) first.add(key, item)
    await first.flush()
    expect(lines()).toHaveLength(3)
    expect(statSync(path).mode & 0o777).toBe(0o600)

    const second = open<unknown>()
    await second.ready()
    expect(items(second)).toEqual(all)
    expect(second.stats()).toMatchObject({ restored: 3, corrupt: 0 })
    expect(await second.close({ timeout: 0 })).toEqual({ saved: 0, spilled: 3, lost: 0 })
  })

  test('is on disk when flush resolves, also where a write was under way that knew nothing of it', async () => {
    const buffer = open()
    await buffer.ready()
    buffer.add('a', 'A')
    const first = buffer.flush()
    for (let n = 0; n < 10; n += 1) await Promise.resolve()
    buffer.add('b', 'B')
    await buffer.flush()
    expect(lines()).toHaveLength(2)
    await first
    await buffer.close({ timeout: 0 })
  })

  test('and was replaced, is on disk as it is now', async () => {
    const first = open()
    for (const item of ['old', 'new']) first.add('a', item)
    await first.close({ timeout: 0 })
    const second = open()
    await second.ready()
    expect(items(second)).toEqual([['a', 'new']])
    await second.close({ timeout: 0 })
  })

  test('is on disk as soon as the closing begins, however long the last saves take', async () => {
    const buffer = open({ save: () => new Promise(() => {}), spill: { path, every: 60_000 } })
    buffer.add('a', 'A')
    const closing = buffer.close({ timeout: 60_000 })
    await until('the file is there', () => existsSync(path))
    expect(buffer.close({ timeout: 0 })).toBe(closing)
    expect(await closing).toEqual({ saved: 0, spilled: 1, lost: 0 })
  })

  test('is on disk after `every` ms without a flush', async () => {
    const buffer = open()
    buffer.add('a', 'A')
    await until('the file is there', () => existsSync(path))
    expect(lines()).toHaveLength(1)
    await buffer.close({ timeout: 0 })
  })

  test('and is saved, leaves the disk; where nothing waits there is no file', async () => {
    const saved: string[] = []
    let isAway = true
    const buffer = open({ save: (item) => (isAway ? away() : saved.push(item)), backoff: { first: 5, max: 5 } })
    for (const key of ['a', 'b']) buffer.add(key, key)
    await buffer.flush()
    isAway = false
    await until('both are saved', () => saved.length === 2)
    await buffer.flush()
    expect(readdirSync(folder)).toEqual([])
    expect(await buffer.close()).toEqual({ saved: 0, spilled: 0, lost: 0 })
  })

  test('and is saved before it need be written, is not written', async () => {
    const buffer = open({ save: () => {}, spill: { path, every: 60_000 } })
    for (let n = 0; n < 10; n += 1) buffer.add(`${n}`, 'x')
    await until('all are saved', () => buffer.size === 0)
    await buffer.close()
    expect(buffer.stats()).toMatchObject({ saved: 10, writes: 0 })
  })

  test('at closing stays on disk, and is saved by the next', async () => {
    const first = open()
    for (const key of ['a', 'b']) first.add(key, key)
    expect(await first.close()).toEqual({ saved: 0, spilled: 2, lost: 0 })
    const saved: string[] = []
    const second = open({ save: (item, { key }) => saved.push(key + item) })
    expect(await second.close()).toEqual({ saved: 2, spilled: 0, lost: 0 })
    expect([saved, readdirSync(folder)]).toEqual([['aa', 'bb'], []])
  })
})

describe('what comes back', () => {
  test('comes before all that is new, and is saved before it', async () => {
    const first = open()
    for (const key of ['a', 'b', 'c']) first.add(key, 'old')
    await first.close({ timeout: 0 })
    const saved: string[] = []
    const second = open({ save: (item, { key }) => saved.push(key + item) })
    for (const key of ['d', 'b']) second.add(key, 'new')
    await second.ready()
    expect(items(second)).toEqual([
      ['a', 'old'],
      ['b', 'new'],
      ['c', 'old'],
      ['d', 'new'],
    ])
    expect(second.stats()).toMatchObject({ restored: 3, replaced: 1 })
    await second.close()
    expect(saved).toEqual(['aold', 'bnew', 'cold', 'dnew'])
  })

  test('and is more than there may be, loses its oldest, announced', async () => {
    const first = open()
    for (const key of ['a', 'b', 'c']) first.add(key, key)
    await first.close({ timeout: 0 })
    const dropped: string[] = []
    const second = open({ max: 2, onDrop: (key, _item, reason) => dropped.push(`${key} ${reason}`) })
    second.add('d', 'd')
    await second.ready()
    expect([dropped, [...second.keys()]]).toEqual([
      ['a evict', 'b evict'],
      ['c', 'd'],
    ])
    await second.close({ timeout: 0 })
    expect(lines()).toHaveLength(2)
  })

  test('is decoded as it was encoded, and bears its age', async () => {
    const coder = { encode: (date: Date) => date.getTime(), decode: (value: unknown) => new Date(value as number) }
    const first = open<Date>({ spill: { path, ...coder }, wall: () => 42 })
    first.add('a', new Date(1_000))
    await first.close({ timeout: 0 })
    const seen: unknown[] = []
    const second = open<Date>({ spill: { path, ...coder }, save: (item, { since }) => seen.push(item, since) })
    await second.close()
    expect(seen).toEqual([new Date(1_000), 42])
  })
})

describe('lines that cannot be read', () => {
  const spoilt: [string, (text: string) => string][] = [
    ['are cut', (text) => text.slice(0, -5)],
    ['have changed', (text) => text.replace('"c"', '"x"')],
    ['are no lines of ours', (text) => `${text}hello\n\u0000\u0001\n`],
  ]
  test.each(spoilt)('%s: they are passed over and counted, and the file is kept', async (_, spoil) => {
    const first = open()
    for (const key of ['a', 'b', 'c']) first.add(key, key)
    await first.close({ timeout: 0 })
    writeFileSync(path, spoil(readFileSync(path, 'utf8')))
    const before = readFileSync(path, 'utf8')
    const second = open()
    await second.ready()
    expect([...second.keys()]).toEqual(before.includes('hello') ? ['a', 'b', 'c'] : ['a', 'b'])
    expect(second.stats().corrupt).toBe(before.includes('hello') ? 2 : 1)
    expect(readFileSync(`${path}.corrupt`, 'utf8')).toBe(before)
    second.add('d', 'd')
    await second.close({ timeout: 0 })
    expect(lines()).toHaveLength(second.stats().restored + 1)
  })

  test('decode refuses one: the others come back', async () => {
    const first = open()
    for (const key of ['a', 'b']) first.add(key, key)
    await first.close({ timeout: 0 })
    const decode = (value: unknown): string => (value === 'a' ? away() : (value as string))
    const second = open({ spill: { path, decode } })
    await second.ready()
    expect([[...second.keys()], second.stats().corrupt]).toEqual([['b'], 1])
    await second.close({ timeout: 0 })
  })
})

describe('a disk that fails', () => {
  test('is told, also where nobody listens, and tried again; flush rejects', async () => {
    using warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    path = join(folder, 'missing', 'items.retry')
    const buffer = open()
    buffer.add('a', 'A')
    await expect(buffer.flush()).rejects.toMatchObject({ code: 'ENOENT' })
    expect(warn).toHaveBeenCalledOnce()
    expect(warn.mock.calls[0]?.[0]).toMatch(/^\/retry-buffer is not on disk: .*ENOENT/)
    const errors: unknown[] = []
    buffer.subscribe((event) => event.type === 'resource.error' && errors.push(event.error))
    await expect(buffer.flush()).rejects.toThrow()
    expect(errors).toHaveLength(1)
    mkdirSync(join(folder, 'missing'))
    await buffer.flush()
    expect(lines()).toHaveLength(1)
    expect(buffer.stats()).toMatchObject({ writes: 1, writesFailed: 0 })
    await buffer.close({ timeout: 0 })
  })

  test('has nothing to do where all was saved before it was written, and holds no process for that', async () => {
    const clock = new FakeClock()
    const buffer = open({ save: () => {}, clock, spill: { path, every: 60_000 } })
    await buffer.ready()
    buffer.add('a', 'A')
    await until('it is saved', () => buffer.size === 0)
    expect([buffer.stats().writes, clock.pending, existsSync(path)]).toEqual([0, 0, false])
    await buffer.close()
  })

  test('is known at the start, where it is its folder that is missing', async () => {
    using _warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    path = join(folder, 'missing', 'items.retry')
    const buffer = open()
    await expect(buffer.ready()).rejects.toMatchObject({ code: 'ENOENT', path: join(folder, 'missing') })
    await buffer.close({ timeout: 0 })
  })

  test('does not matter to what JSON cannot hold: it is refused', () => {
    const buffer = open() as unknown as RetryBuffer<unknown>
    for (const item of [undefined, () => 1, Symbol('a')]) {
      expect(() => buffer.add('a', item)).toThrow('something that JSON can hold')
    }
    expect(buffer.size).toBe(0)
  })

  test('at closing: what is not on disk is lost, and announced', async () => {
    path = join(folder, 'missing', 'items.retry')
    const dropped: string[] = []
    const buffer = open({ onDrop: (key, _item, reason) => dropped.push(`${key} ${reason}`) })
    buffer.subscribe(() => {})
    buffer.add('a', 'A')
    expect(await buffer.close({ timeout: 0 })).toEqual({ saved: 0, spilled: 0, lost: 1 })
    expect(dropped).toEqual(['a close'])
  })

  test('and works again after the closing, is left as it is', async () => {
    const first = open()
    first.add('a', 'A')
    await first.close({ timeout: 0 })
    const second = open()
    second.subscribe(() => {})
    await second.ready()
    second.add('b', 'B')
    const file = readFileSync(path)
    rmSync(path)
    mkdirSync(path)
    expect(await second.close({ timeout: 0 })).toEqual({ saved: 0, spilled: 0, lost: 2 })
    rmSync(path, { recursive: true })
    writeFileSync(path, file)
    await expect(second.flush()).rejects.toMatchObject({ code: 'ERR_CLOSED' })
    expect(lines()).toHaveLength(1)
  })

  test('cannot be read: nothing is written over it, ready rejects, and saves go on', async () => {
    mkdirSync(path)
    const saved: string[] = []
    const buffer = open({ save: (item) => saved.push(item) })
    const errors: unknown[] = []
    buffer.subscribe((event) => event.type === 'resource.error' && errors.push(event.error))
    await expect(buffer.ready()).rejects.toMatchObject({ code: 'EISDIR' })
    buffer.add('a', 'A')
    await until('it is saved', () => saved.length === 1)
    await expect(buffer.flush()).rejects.toMatchObject({ code: 'EISDIR' })
    rmSync(path, { recursive: true })
    await buffer.ready()
    await buffer.close()
    expect(errors.length).toBeGreaterThan(0)
  })

  test('and an item that cannot be written is refused, before anything has changed', async () => {
    const buffer = open<unknown>()
    buffer.add('a', 'A')
    expect(() => buffer.add('a', 1n)).toThrow(TypeError)
    expect(items(buffer)).toEqual([['a', 'A']])
    await buffer.close({ timeout: 0 })
  })
})

test('a file that somebody else has written is not written over', async () => {
  const one = open()
  one.add('a', 'one')
  await one.flush()
  const two = open()
  await two.ready()
  two.add('b', 'two')
  await two.flush()
  const errors: unknown[] = []
  one.subscribe((event) => event.type === 'resource.error' && errors.push(event.error))
  one.add('c', 'one')
  await expect(one.flush()).rejects.toMatchObject({ code: 'ERR_MISPLACED', message: expect.stringContaining(path) })
  expect(await one.close({ timeout: 0 })).toMatchObject({ spilled: 0, lost: 2 })
  expect(errors.length).toBeGreaterThan(0)
  expect(await two.close({ timeout: 0 })).toMatchObject({ spilled: 2 })
})

test('a file whose folder could not be brought to the disk is still its own: the next write goes through', async () => {
  const buffer = open({ spill: { path, every: 1_000_000 } })
  buffer.subscribe(() => {})
  await buffer.ready()
  buffer.add('a', 'first')
  const { open: openFile } = fs.promises
  const opening = vi.spyOn(fs.promises, 'open').mockImplementation((...args) => {
    if (args[0] === folder) return Promise.reject(Object.assign(new Error('i/o error'), { code: 'EIO' }))
    return openFile(...args)
  })
  await expect(buffer.flush()).rejects.toThrow('i/o error')
  opening.mockRestore()
  buffer.add('b', 'second')
  await buffer.flush()
  expect(lines()).toHaveLength(2)
  expect(await buffer.close({ timeout: 0 })).toEqual({ saved: 0, spilled: 2, lost: 0 })
})

test('in a lifecycle: what cannot be saved within the grace is on disk, and the report says so', async () => {
  const life = new Lifecycle('life')
  const buffer = life.use(open({ save: () => new Promise(() => {}) }), { name: 'results', grace: 50 })
  buffer.add('a', 'A')
  const { rows } = await life.close()
  expect(rows).toMatchObject([{ path: '/life/results', outcome: 'forced', note: '0 saved, 1 on disk, 0 lost' }])
  expect(lines()).toHaveLength(1)
})

test('without spill, ready and flush have nothing to wait for', async () => {
  const buffer = new RetryBuffer<string>({ save: away })
  await buffer.ready()
  buffer.add('a', 'A')
  await buffer.flush()
  await buffer.close({ timeout: 0 })
})
