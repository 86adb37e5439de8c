import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  promises,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { inspect } from 'node:util'
import { Lifecycle, type LifecycleEvent } from 'endswell'
import { RollingFile, type RollingFileOptions } from 'endswell/disk'
import { FakeClock } from 'endswell/testing'
import fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { ownFolder } from '../fixtures/folder.ts'
import { until } from '../fixtures/until.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

/** A file in a folder of its own; what fsync is for is measured elsewhere. */
function fileOf(options: Partial<RollingFileOptions> = {}): { file: RollingFile; folder: string; path: string } {
  const folder = ownFolder()
  const path = join(folder, 'log')
  return { file: new RollingFile({ path, fsync: 'never', ...options }), folder, path }
}

function contents(folder: string): Record<string, string> {
  return Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]))
}

/** An error of the file system, as the next call of a method of the next opened file meets with it. */
function breakNext(method: 'appendFile' | 'datasync' | 'truncate', code: string, half = false): void {
  const open = promises.open
  vi.spyOn(promises, 'open').mockImplementationOnce(async (...args) => {
    const handle = await open(...args)
    const right = handle.appendFile.bind(handle)
    let isBroken = true
    return Object.assign(handle, {
      [method]: async (data: Buffer) => {
        if (!isBroken) return method === 'appendFile' ? right(data) : undefined
        isBroken = false
        if (half) await right(data.subarray(0, data.length / 2))
        throw Object.assign(new Error(code), { code })
      },
    })
  })
}

describe('a rolling file', () => {
  test.each(['always', 'interval', 'never'] as const)('keeps what is appended, in order (fsync: %s)', async (fsync) => {
    const { file, path } = fileOf({ fsync })
    const appends = Array.from({ length: 100 }, (_, at) => file.append(at % 2 ? `${at}\n` : Buffer.from(`${at}\n`)))
    expect(await file.read()).toBe(Array.from({ length: 100 }, (_, at) => `${at}\n`).join(''))
    await Promise.all(appends)
    await file.append('é\n')
    expect(readFileSync(path, 'utf8').endsWith('99\né\n')).toBe(true)
    const { syncs, ...stats } = file.stats()
    expect(stats).toEqual({ size: 293, pending: 0, appended: 101, bytes: 293, failed: 0, rotations: 0, repaired: 0 })
    if (fsync === 'always') expect(syncs).toBeLessThan(10)
    else expect(syncs).toBe(0)
    expect(await file.close()).toEqual({ flushed: 0, dropped: 0 })
  })

  test('becomes .1 before it would be too large, that .2, and the oldest goes', async () => {
    const { file, folder } = fileOf({ maxSize: 10, maxFiles: 2 })
    for (const text of ['aaaa\n', 'bbbb\n', 'c\n', 'dddddddddddddddd\n', 'e\n']) await file.append(text)
    expect(contents(folder)).toEqual({ log: 'e\n', 'log.1': 'dddddddddddddddd\n', 'log.2': 'c\n' })
    expect(await file.files()).toEqual(['log', 'log.1', 'log.2'].map((name) => join(folder, name)))
    expect(file.stats()).toMatchObject({ rotations: 3, size: 2 })
    await file.rotate()
    await file.rotate()
    expect(contents(folder)).toEqual({ log: '', 'log.1': 'e\n', 'log.2': 'dddddddddddddddd\n' })
    await file.close()
  })

  test('with no older files begins anew', async () => {
    const { file, folder } = fileOf({ maxSize: 4, maxFiles: 0 })
    for (const text of ['aaa\n', 'bbb\n']) await file.append(text)
    expect(contents(folder)).toEqual({ log: 'bbb\n' })
    await file.close()
  })

  test('however appends fall together, none is parted, lost or out of order, and no file too large', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(fc.integer({ min: 1, max: 30 }), fc.constant('wait'), fc.constant('rotate')), {
          maxLength: 30,
        }),
        fc.integer({ min: 1, max: 60 }),
        async (steps, maxSize) => {
          const { file, folder } = fileOf({ maxSize, maxFiles: 1_000 })
          let serial = 0
          let last: Promise<unknown> = Promise.resolve()
          const expected: string[] = []
          for (const step of steps) {
            if (step === 'wait') await last
            else if (step === 'rotate') last = file.rotate()
            else {
              const line = `${serial++}${'.'.repeat(step as number)}\n`
              expected.push(line)
              last = file.append(line)
            }
          }
          const paths = await file.files()
          const texts = paths.toReversed().map((path) => readFileSync(path, 'utf8'))
          expect(texts.join('')).toBe(expected.join(''))
          for (const text of texts) expect(text.length <= maxSize || text.split('\n').length === 2).toBe(true)
          await file.close()
          rmSync(folder, { recursive: true })
        },
      ),
      { numRuns: 60 },
    )
  })

  test('a rotation that a crash cut short leaves a gap, and the next one fills it before anything is dropped', async () => {
    for (const [before, after] of [
      [
        { log: 'x', 'log.1': '1', 'log.3': '3' },
        { log: 'n\n', 'log.1': 'x\n', 'log.2': '1', 'log.3': '3' },
      ],
      [
        { log: 'x', 'log.2': '2', 'log.3': '3' },
        { log: 'n\n', 'log.1': 'x\n', 'log.2': '2', 'log.3': '3' },
      ],
      [
        { 'log.1': '1', 'log.2': '2' },
        { log: 'n\n', 'log.1': '1', 'log.2': '2' },
      ],
      [
        { log: 'x', 'log.1': '1', 'log.2': '2', 'log.3': '3', 'log.4': '4', 'log.01': 'no', 'log.1.gz': 'no' },
        { log: 'n\n', 'log.1': 'x\n', 'log.2': '1', 'log.3': '2', 'log.01': 'no', 'log.1.gz': 'no' },
      ],
    ]) {
      const { file, folder } = fileOf({ maxFiles: 3, maxSize: 2 })
      for (const [name, text] of Object.entries(before ?? {})) writeFileSync(join(folder, name), text)
      await file.append('n\n')
      expect(contents(folder)).toEqual(after)
      await file.close()
    }
  })

  test('ends a torn last line when it is opened, unless told not to', async () => {
    for (const [repair, text, result] of [
      [true, 'whole\nto', 'whole\nto\nnext\n'],
      [true, 'whole\n', 'whole\nnext\n'],
      [true, '', 'next\n'],
      [false, 'whole\nto', 'whole\ntonext\n'],
    ] as const) {
      const { file, path } = fileOf({ repair })
      writeFileSync(path, text)
      await file.append('next\n')
      expect(readFileSync(path, 'utf8')).toBe(result)
      expect(file.stats().repaired).toBe(repair && text === 'whole\nto' ? 1 : 0)
      await file.close()
    }
  })

  test('is replaced as a whole, and appended to after that', async () => {
    const { file, folder } = fileOf({ maxSize: 100 })
    const all = [file.append('old\n'), file.replace('new\n'), file.append('more\n')]
    await Promise.all(all)
    expect(contents(folder)).toEqual({ log: 'new\nmore\n' })
    expect(file.stats().size).toBe(9)
    await file.close()
  })

  test('an append that fails leaves nothing of itself, and the next one tries anew', async () => {
    for (const [method, half] of [
      ['appendFile', true],
      ['datasync', false],
    ] as const) {
      const { file, path } = fileOf({ fsync: 'always' })
      const events: LifecycleEvent[] = []
      file.subscribe((event) => events.push(event))
      writeFileSync(path, 'one\n')
      breakNext(method, 'ENOSPC', half)
      await expect(file.append('twotwo\n')).rejects.toMatchObject({ code: 'ENOSPC' })
      expect(readFileSync(path, 'utf8')).toBe('one\n')
      await file.append('three\n')
      expect(readFileSync(path, 'utf8')).toBe('one\nthree\n')
      expect(events).toMatchObject([{ type: 'resource.error', error: { code: 'ENOSPC' }, path: '/rolling-file' }])
      expect(file.stats()).toMatchObject({ failed: 1, appended: 1 })
      await file.close()
    }
  })

  test('whose folder is gone rejects, and goes on where there is one again', async () => {
    const { file, folder, path } = fileOf()
    await file.append('one\n')
    rmSync(folder, { recursive: true })
    await expect(Promise.all([file.append('two\n'), file.append('three\n')])).rejects.toMatchObject({ code: 'ENOENT' })
    mkdirSync(folder)
    await file.append('four\n')
    expect(readFileSync(path, 'utf8')).toBe('four\n')
    expect(await file.close()).toEqual({ flushed: 0, dropped: 0 })
  })

  test('that others moved away, removed or cut is written to where it is looked for', async () => {
    const { file, folder, path } = fileOf({ maxSize: 12 })
    await file.append('one\n')
    renameSync(path, join(folder, 'moved'))
    await file.append('two\n')
    unlinkSync(path)
    await file.append('three\n')
    truncateSync(path)
    await file.append('four\n')
    appendFileSync(path, 'theirs\n')
    await file.append('five\n')
    expect(contents(folder)).toEqual({ moved: 'one\n', log: 'five\n', 'log.1': 'four\ntheirs\n' })
    await file.close()
  })

  test('keeps a link a link, and its older files beside the real one', async () => {
    const { file, folder, path } = fileOf({ maxSize: 4 })
    mkdirSync(join(folder, 'real'))
    writeFileSync(join(folder, 'real/file'), 'one\n')
    symlinkSync('real/file', path)
    await file.append('two\n')
    await file.replace('new\n')
    expect(contents(join(folder, 'real'))).toEqual({ file: 'new\n', 'file.1': 'one\n' })
    await file.close()
  })

  test('writes to nothing but a regular file', async () => {
    const { file, path } = fileOf()
    mkdirSync(path)
    await expect(file.append('x')).rejects.toMatchObject({ code: 'EINVAL' })
    await file.close()
  })

  test('takes only so much that is not written yet, but always one', async () => {
    const { file } = fileOf({ maxPending: 10 })
    const large = file.append('x'.repeat(100))
    expect(file.stats().pending).toBe(100)
    await expect(file.append('y')).rejects.toMatchObject({ code: 'ERR_QUEUE_FULL', path: '/rolling-file' })
    const end = file.close()
    await expect(file.append('y')).rejects.toMatchObject({ code: 'ERR_CLOSED' })
    await Promise.all([large, end])
    expect(file.stats().pending).toBe(0)
    const { file: other } = fileOf({ maxPending: 10 })
    for (let at = 0; at < 3; at += 1) await other.append('y'.repeat(100))
    await other.close()
  })

  test('removes older files that are too old when it is opened and rotated', async () => {
    const now = 1_790_000_000_000
    const { file, folder } = fileOf({ maxAge: 1_000, wall: () => now })
    for (const [name, ago] of [
      ['log.1', 999],
      ['log.2', 1_000],
      ['log.7', 9_999],
    ] as const) {
      writeFileSync(join(folder, name), '')
      utimesSync(join(folder, name), (now - ago) / 1_000, (now - ago) / 1_000)
    }
    await file.append('x\n')
    expect(readdirSync(folder)).toEqual(['log', 'log.1'])
    utimesSync(join(folder, 'log.1'), 1, 1)
    await file.rotate()
    expect(readdirSync(folder).includes('log.2')).toBe(false)
    await file.close()
  })

  test('gets the permissions that are asked for', async () => {
    const { file, path } = fileOf({ mode: 0o622, maxSize: 1 })
    for (const text of ['a\n', 'b\n']) await file.append(text)
    for (const each of [path, `${path}.1`]) expect(statSync(each).mode & 0o777).toBe(0o622)
    chmodSync(path, 0o600)
    await file.replace('c\n')
    expect(statSync(path).mode & 0o777).toBe(0o622)
    await file.close()
  })

  test('goes to the disk at each interval in which something was appended', async () => {
    const clock = new FakeClock()
    const { file } = fileOf({ fsync: 'interval', clock })
    await Promise.all([file.append('a\n'), file.append('b\n')])
    expect(clock.pending).toBe(1)
    await clock.advance(1_000)
    await until('it is synced', () => file.stats().syncs === 1)
    expect(clock.pending).toBe(0)
    await file.append('c\n')
    await file.close()
    expect(clock.pending).toBe(0)
  })
})

describe('closing a rolling file', () => {
  test('waits until all is in the file, and takes no more', async () => {
    const { file, path } = fileOf()
    const appends = [file.append('a\n'), file.append('b\n')]
    const end = file.close()
    expect(file.close()).toBe(end)
    expect(await end).toEqual({ flushed: 2, dropped: 0 })
    await Promise.all(appends)
    expect(readFileSync(path, 'utf8')).toBe('a\nb\n')
    for (const use of [
      () => file.append('c'),
      () => file.read(),
      () => file.rotate(),
      () => file.replace(''),
      () => file.files(),
    ])
      await expect(use()).rejects.toMatchObject({ name: 'ReferenceError', code: 'ERR_CLOSED' })
    expect(file.stats()).toMatchObject({ appended: 2, pending: 0 })
  })

  test('that has nothing to do makes no file', async () => {
    const { file, path } = fileOf()
    await file[Symbol.asyncDispose]()
    expect(existsSync(path)).toBe(false)
  })

  test('gives up when time is up: what waits rejects, and all is told', async () => {
    const clock = new FakeClock()
    const { file } = fileOf({ clock })
    const hung = Promise.withResolvers<never>()
    const stat = vi.spyOn(promises, 'stat').mockImplementationOnce(() => hung.promise)
    const results = Promise.allSettled([file.append('a\n'), file.append('b\n'), file.read()])
    await until('it hangs', () => stat.mock.calls.length === 1)
    const end = file.close({ timeout: 1_000 })
    file.close({ timeout: 100 })
    await clock.advance(100)
    expect(await end).toEqual({ flushed: 0, dropped: 2 })
    for (const result of await results)
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'ERR_ABANDONED', path: '/rolling-file' } })
    expect(clock.pending).toBe(0)
    hung.reject(new Error('at last'))
  })

  test('counts what fails at the end', async () => {
    const { file, path } = fileOf()
    mkdirSync(path)
    const append = file.append('a\n')
    append.catch(() => {})
    expect(await file.close()).toEqual({ flushed: 0, dropped: 1 })
    await expect(append).rejects.toMatchObject({ code: 'EINVAL' })
  })

  test('says so when what was appended could not be brought to the disk, also where nobody listens', async () => {
    for (const isHeard of [true, false]) {
      const { file } = fileOf({ fsync: 'interval' })
      const events: LifecycleEvent[] = []
      if (isHeard) file.subscribe((event) => events.push(event))
      const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
      breakNext('datasync', 'EIO')
      await file.append('a\n')
      expect(await file.close()).toEqual({ flushed: 0, dropped: 0 })
      expect(events.map(({ error }) => error)).toMatchObject(isHeard ? [{ code: 'EIO' }] : [])
      expect(warn.mock.calls.map(([, type]) => type)).toEqual(isHeard ? [] : ['RollingFileWarning'])
      vi.restoreAllMocks()
    }
  })

  test('a file system that answers after time was up changes nothing that was told, and the file is closed', async () => {
    const clock = new FakeClock()
    const { file, path } = fileOf({ clock, fsync: 'always' })
    const open = vi.spyOn(promises, 'open')
    await file.append('a\n')
    const handle = await open.mock.results.at(-1)?.value
    const right = promises.stat
    const answer = Promise.withResolvers<void>()
    const stat = vi.spyOn(promises, 'stat').mockImplementationOnce(async (...args) => {
      await answer.promise
      return right(...args)
    })
    const late = file.append('b\n')
    late.catch(() => {})
    await until('it hangs', () => stat.mock.calls.length === 1)
    const end = file.close({ timeout: 0 })
    expect(await end).toEqual({ flushed: 0, dropped: 1 })
    answer.resolve()
    await expect(late).rejects.toThrow('is not in the file')
    await until('the file is closed', () => handle.fd === -1)
    expect(readFileSync(path, 'utf8')).toBe('a\n')
    expect(file.stats()).toMatchObject({ appended: 1, failed: 0, syncs: 1 })
    expect(file.close()).toBe(end)
  })

  test('is what its lifecycle does, whose report says what was lost', async () => {
    const life = new Lifecycle('orders')
    const { file, path } = fileOf()
    life.use(file, { name: 'log' })
    expect(file.path).toBe('/orders/log')
    expect(inspect(file)).toBe(`RollingFile /orders/log at ${path} (0 of 10485760 bytes)`)
    mkdirSync(path)
    file.append('a\n').catch(() => {})
    expect((await life.close()).rows).toMatchObject([
      { path: '/orders/log', kind: 'rolling-file', outcome: 'failed', note: '1 appends did not get into the file' },
    ])
  })
})

test('bad options and bad data are refused', async () => {
  const path = join(ownFolder(), 'log')
  const file = new RollingFile({ path: pathToFileURL(path) })
  expect(() => file.append(1 as never)).toThrow(TypeError)
  expect(() => file.replace(undefined as never)).toThrow(TypeError)
  expect(() => file.close({ timeout: -1 })).toThrow(RangeError)
  await file.close()
  for (const more of [
    { path: '' },
    { path: 1 },
    { path: new URL('http://localhost/') },
    { maxSize: 0 },
    { maxSize: '10mb' },
    { maxFiles: -1 },
    { maxFiles: 1.5 },
    { maxFiles: 1_001 },
    { maxAge: -1 },
    { fsync: true },
    { syncInterval: 0 },
    { maxPending: 0 },
    { repair: 1 },
    { mode: '644' },
    { name: '' },
    { wall: 1 },
    { maxsize: 1 },
  ])
    expect(() => new RollingFile({ path, ...(more as object) })).toThrow(Error)
})
