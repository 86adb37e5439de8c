import fs, {
  existsSync,
  mkdirSync,
  promises,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { RetentionRule } from '../../src/disk/sweeping/rule.ts'
import { sweepOnce } from '../../src/disk/sweeping/sweep-once.ts'
import type { SweepReport } from '../../src/disk/sweeping/sweep-report.ts'
import { checkSweeper } from '../../src/disk/sweeping/sweeper-options.ts'
import { ownFolder } from '../fixtures/folder.ts'

const day = 86_400_000

afterEach(() => {
  vi.restoreAllMocks()
})

/** A file that is old by all rules. */
function old(path: string | Buffer, days = 99): void {
  if (!existsSync(path)) writeFileSync(path, 'old')
  const seconds = (Date.now() - days * day) / 1_000
  utimesSync(path, seconds, seconds)
}

/** A root, and beside it a folder that holds what must never go. */
function place(): { root: string; outside: string } {
  const folder = ownFolder()
  const [root, outside] = [join(folder, 'root'), join(folder, 'outside')]
  mkdirSync(root)
  mkdirSync(outside)
  old(join(outside, 'a'))
  old(join(outside, 'b'))
  return { root, outside }
}

/** What calls of the file system answer for paths that end so. */
function fail(method: 'unlink', ending: string, code: string): void {
  const right = fs[method] as (path: Buffer, done: (error: unknown) => void) => void
  vi.spyOn(fs, method).mockImplementation(((path: Buffer, done: (error: unknown) => void) =>
    String(path).endsWith(ending) ? done(Object.assign(new Error(code), { code })) : right(path, done)) as never)
}

const byHandle = process.platform === 'linux' ? [true, false] : [false]

describe.each(byHandle)('a sweep among enemies (folders held open: %s)', (byHandle) => {
  async function sweep(root: string, rules: readonly RetentionRule[], more = {}, real?: string): Promise<SweepReport> {
    const never = new AbortController().signal
    const listener = { onRemoved: () => {}, onThrown: () => {} }
    return (await sweepOnce(checkSweeper({ root, rules, ...more }), real, never, listener, byHandle)).report
  }

  test('follows no link, wherever it leads', async () => {
    const { root, outside } = place()
    symlinkSync(outside, join(root, 'out'))
    symlinkSync('..', join(root, 'up'))
    symlinkSync(join(outside, 'a'), join(root, 'a'))
    symlinkSync('loop', join(root, 'loop'))
    mkdirSync(join(root, 'job'))
    symlinkSync(outside, join(root, 'job/out'))
    const soon = { wall: () => Date.now() + 20 * day }
    const rules = [
      { match: '**/*' },
      { match: /./, depth: 9 },
      { match: 'job', kind: 'dir' },
      { match: '*', kind: 'dir' },
    ] as const
    expect(await sweep(root, rules, soon)).toMatchObject({ removed: 1, failed: 0 })
    expect(readdirSync(root).sort()).toEqual(['a', 'loop', 'out', 'up'])
    expect(readdirSync(outside)).toEqual(['a', 'b'])
  })

  test('refuses a root that is a link, or has become one, unless that is allowed', async () => {
    const { root, outside } = place()
    const link = join(root, '../link')
    symlinkSync(outside, link)
    const rules = [{ match: '*' }]
    await expect(sweep(link, rules)).rejects.toThrow(RangeError)
    expect(readdirSync(outside)).toEqual(['a', 'b'])
    // A folder above the root has become a link.
    symlinkSync('.', join(root, '../here'))
    await expect(sweep(join(root, '../here/root'), rules, {}, join(root, '../root'))).resolves.toMatchObject({
      removed: 0,
    })
    await expect(sweep(root, rules, {}, outside)).rejects.toThrow('where')
    expect(await sweep(link, rules, { followRoot: true })).toMatchObject({ removed: 2 })
    unlinkSync(link)
    symlinkSync('/', link)
    await expect(sweep(link, rules, { followRoot: true })).rejects.toThrow('below the root of the file system')
  })

  test('removes what has an odd name by the bytes that it has, and no other', async () => {
    const { root } = place()
    const names = ['..a', '...', 'a\nb', ' ', '*', '-rf', 'a\\b', '\u{1F525}', 'x'.repeat(255)].map((name) =>
      Buffer.from(name),
    )
    names.push(Buffer.from([0x6a, 0xff, 0xfe]), Buffer.from([0xc3]), Buffer.from([0xef, 0xbf, 0xbd]))
    const at = (name: Buffer): Buffer => Buffer.concat([Buffer.from(`${root}/`), name])
    for (const name of names) {
      old(at(name))
      old(join(root, 'stays'), 1)
      const match = ({ name: seen }: { name: string }): boolean => seen === name.toString()
      const { removed } = await sweep(root, [{ match }])
      expect([name, removed, readdirSync(root)]).toEqual([name, 1, ['stays']])
    }
    // Names that look alike once they are decoded are still two.
    const [one, other] = [Buffer.from([0xff]), Buffer.from([0xfe])] as const
    old(at(one))
    old(at(other), 1)
    expect(await sweep(root, [{ match: '?' }])).toMatchObject({ matched: 2, removed: 1 })
    expect(existsSync(at(other))).toBe(true)
  })

  test('takes what has vanished meanwhile as it is', async () => {
    const { root } = place()
    for (const name of ['gone', 'other']) old(join(root, name))
    fail('unlink', '/gone', 'ENOENT')
    expect(await sweep(root, [{ match: '*' }])).toMatchObject({ removed: 1, failed: 0, skipped: 0 })
    vi.restoreAllMocks()
    // It is there when the folder is read, and not any more when it is looked at.
    const match = (): boolean => {
      unlinkSync(join(root, 'gone'))
      return true
    }
    expect(await sweep(root, [{ match }])).toMatchObject({ matched: 1, removed: 0, failed: 0, skipped: 0 })
  })

  test('counts what cannot be removed, goes on, and tries it again the next time', async () => {
    for (const code of ['EBUSY', 'EPERM', 'EACCES', 'EROFS']) {
      const { root } = place()
      for (const name of ['file', 'other']) old(join(root, name))
      mkdirSync(join(root, 'dir/sub'), { recursive: true })
      for (const name of ['dir/sub/file', 'dir/sub/x', 'dir/y', 'dir/sub', 'dir']) old(join(root, name))
      const rules = [{ match: '*' }, { match: '*', kind: 'dir' }] as const
      fail('unlink', '/file', code)
      const { removed, failed, samples } = await sweep(root, rules)
      expect([removed, failed, samples.filter(({ reason }) => reason === code).length]).toEqual([1, 2, 2])
      expect(readdirSync(root, { recursive: true }).sort()).toEqual(['dir', 'dir/sub', 'dir/sub/file', 'file'])
      expect(await sweep(root, rules)).toMatchObject({ removed: 0, failed: 2 })
      vi.restoreAllMocks()
      expect(await sweep(root, rules)).toMatchObject({ removed: 2, failed: 0 })
      expect(readdirSync(root)).toEqual([])
    }
  })

  test('touches nothing outside when a folder is swapped for a link under its hands', async () => {
    const { root, outside } = place()
    const folder = join(root, 'd')
    mkdirSync(folder)
    for (const name of ['a', 'b']) old(join(folder, name))
    let swapped = false
    const match = ({ path }: { path: string }): boolean => {
      if (path.startsWith('d/') && !swapped) {
        renameSync(folder, join(root, 'moved'))
        symlinkSync(outside, folder)
        swapped = true
      }
      return path.startsWith('d/')
    }
    const report = await sweep(root, [{ match, depth: 2 }])
    expect(readdirSync(outside)).toEqual(['a', 'b'])
    // What is held open is swept wherever it is by now; a path is not believed any more.
    expect(report).toMatchObject(byHandle ? { removed: 2, skipped: 0 } : { removed: 0, skipped: 2 })
  })

  test('takes another folder under the same name for another', async () => {
    const { root } = place()
    const folder = join(root, 'd')
    mkdirSync(folder)
    for (const name of ['a', 'b']) old(join(folder, name))
    let swapped = false
    const match = ({ path }: { path: string }): boolean => {
      if (path.startsWith('d/') && !swapped) {
        renameSync(folder, join(root, 'moved'))
        mkdirSync(folder)
        for (const name of ['a', 'b']) old(join(folder, name))
        swapped = true
      }
      return path.startsWith('d/')
    }
    const report = await sweep(root, [{ match, depth: 2 }])
    expect(readdirSync(folder)).toEqual(['a', 'b'])
    expect(report).toMatchObject(byHandle ? { removed: 2, skipped: 0 } : { removed: 0, skipped: 2 })
  })

  test('leaves alone what has changed between the look and the deletion', async () => {
    const { root } = place()
    for (const name of ['a', 'b', 'c']) old(join(root, name))
    const seen: string[] = []
    // The later one is found, the younger it is; the last makes it too many, and by then the first is another file.
    const match = ({ name }: { name: string }): boolean => {
      seen.push(name)
      old(join(root, name), 4 - seen.length)
      if (seen.length === 3) {
        renameSync(join(root, seen[0] ?? ''), join(root, '../first'))
        writeFileSync(join(root, seen[0] ?? ''), 'new')
      }
      return true
    }
    const report = await sweep(root, [{ match, maxCount: 2 }], { concurrency: 1 })
    expect(report).toMatchObject({ removed: 0, skipped: 1, samples: [{ outcome: 'skipped', reason: 'changed' }] })
    expect(readFileSync(join(root, seen[0] ?? ''), 'utf8')).toBe('new')
  })

  test('stops removing a folder in which something new has come', async () => {
    const { root } = place()
    mkdirSync(join(root, 'd'))
    old(join(root, 'd/a'))
    old(join(root, 'd'))
    const right = fs.unlink as (path: Buffer, done: () => void) => void
    vi.spyOn(fs, 'unlink').mockImplementationOnce(((path: Buffer, done: () => void) => {
      writeFileSync(join(root, 'd/new'), 'new')
      right(path, done)
    }) as never)
    const report = await sweep(root, [{ match: '*', kind: 'dir' }])
    expect(report).toMatchObject({
      removed: 0,
      skipped: 1,
      samples: [{ path: 'd', outcome: 'skipped', reason: 'changed' }],
    })
    expect(readdirSync(join(root, 'd'))).toEqual(['new'])
  })

  test('leaves a folder alone into which something old was moved after all in it was looked at', async () => {
    for (const limits of [{}, { maxAge: Number.POSITIVE_INFINITY, maxCount: 0 }]) {
      const { root, outside } = place()
      mkdirSync(join(root, 'd'))
      for (const name of ['d/x', 'd']) old(join(root, name))
      const right = promises.opendir
      let opened = 0
      vi.spyOn(promises, 'opendir').mockImplementation(async (...args) => {
        const dir = await right(...args)
        const close = dir.close.bind(dir) as () => Promise<void>
        // The root, then the folder, which is read to its end.
        if (++opened === 2)
          dir.close = (async () => {
            await close()
            renameSync(join(outside, 'a'), join(root, 'd/a'))
          }) as typeof dir.close
        return dir
      })
      const report = await sweep(root, [{ match: '*', kind: 'dir', ...limits }])
      expect(report).toMatchObject({ removed: 0, skipped: 1, samples: [{ path: 'd', reason: 'changed' }] })
      expect(readdirSync(join(root, 'd')).sort()).toEqual(['a', 'x'])
      vi.restoreAllMocks()
    }
  })

  test('goes no deeper than 64 levels, so that it holds few files open', async () => {
    const { root } = place()
    const path = join(root, ...Array.from({ length: 70 }, () => 'd'))
    mkdirSync(path, { recursive: true })
    old(join(path, 'x'))
    old(join(root, 'd/x'))
    expect(await sweep(root, [{ match: '**/x' }])).toMatchObject({ removed: 1, skipped: 1, failed: 0 })
    expect(existsSync(join(path, 'x'))).toBe(true)
  })

  test('removes nothing by a date that is none', async () => {
    for (const date of [Number.NaN, Number.POSITIVE_INFINITY, undefined, new Date()]) {
      const { root } = place()
      old(join(root, 'x'), 1)
      await expect(sweep(root, [{ match: '*', maxCount: 0 }], { wall: () => date })).rejects.toThrow(RangeError)
      expect(readdirSync(root)).toEqual(['x'])
    }
  })

  test('keeps no more than it may of what is dated in the future', async () => {
    const { root } = place()
    for (const [at, name] of ['a', 'b', 'c'].entries()) old(join(root, name), -9 - at)
    expect(await sweep(root, [{ match: '*', maxCount: 1 }])).toMatchObject({ removed: 2 })
    expect(readdirSync(root)).toEqual(['c'])
    expect(await sweep(root, [{ match: '*', maxCount: 0, minAge: 1 }])).toMatchObject({ removed: 0 })
  })

  test('does not go to another device', async () => {
    const { root } = place()
    mkdirSync(join(root, 'd/mounted'), { recursive: true })
    for (const name of ['d/mounted/x', 'd/mounted', 'd']) old(join(root, name))
    const right = fs.lstat as (path: Buffer, done: (error: unknown, stats: object) => void) => void
    vi.spyOn(fs, 'lstat').mockImplementation(((path: Buffer, done: (error: unknown, stats: object) => void) =>
      right(path, (error, stats) =>
        done(error, String(path).endsWith('/mounted') ? Object.assign(stats, { dev: 1 }) : stats),
      )) as never)
    const report = await sweep(root, [{ match: '*', kind: 'dir' }])
    expect(report).toMatchObject({ removed: 0, skipped: 1, samples: [{ path: 'd', reason: 'other device' }] })
    expect(existsSync(join(root, 'd/mounted/x'))).toBe(true)
  })

  test('does not go deeper than 64 levels with a folder that goes as a whole', async () => {
    const { root } = place()
    const path = join(root, 'd', ...Array.from({ length: 70 }, () => 'd'))
    mkdirSync(path, { recursive: true })
    const later = { wall: () => Date.now() + 20 * day }
    expect(await sweep(root, [{ match: '*', kind: 'dir' }], later)).toMatchObject({ removed: 0, skipped: 1 })
    expect(existsSync(path)).toBe(true)
    rmSync(join(root, 'd'), { recursive: true })
  })

  test('leaves sockets, pipes and what is no regular file', async () => {
    const { root } = place()
    const { createServer } = await import('node:net')
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(join(root, 'socket'), resolve))
    const later = { wall: () => Date.now() + 20 * day }
    expect(await sweep(root, [{ match: '*' }], later)).toMatchObject({ scanned: 1, matched: 0, removed: 0 })
    await new Promise((resolve) => server.close(resolve))
  })
})
