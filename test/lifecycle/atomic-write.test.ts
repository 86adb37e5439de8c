import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  promises,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { atomicWrite } from '../../src/lifecycle/atomic-write.ts'
import { removeLeftovers } from '../../src/lifecycle/leftovers.ts'
import { ownFolder } from '../fixtures/folder.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

describe('atomicWrite', () => {
  test.each([true, false])(
    'makes a file and replaces it, as a whole, and leaves nothing beside it (fsync: %s)',
    async (fsync) => {
      const path = join(ownFolder(), 'state.json')
      for (const data of ['one', new Uint8Array([0, 255, 10]), 'a'.repeat(3_000_000), '']) {
        await atomicWrite(path, data, { fsync })
        expect(readFileSync(path).equals(Buffer.from(data))).toBe(true)
        expect(readdirSync(join(path, '..'))).toEqual(['state.json'])
      }
    },
  )

  test('keeps the permissions of the file that it replaces, or gives it those asked for, whatever the umask', async () => {
    const path = join(ownFolder(), 'state.json')
    const mode = (): number => statSync(path).mode & 0o7777
    await atomicWrite(path, '')
    expect(mode()).toBe(0o666 & ~process.umask())
    chmodSync(path, 0o602)
    await atomicWrite(path, '')
    expect(mode()).toBe(0o602)
    await atomicWrite(path, '', { mode: 0o777 })
    expect(mode()).toBe(0o777)
  })

  test('follows a link, and leaves it one', async () => {
    const folder = ownFolder()
    mkdirSync(join(folder, 'real'))
    writeFileSync(join(folder, 'real/file'), 'old')
    symlinkSync('real/file', join(folder, 'link'))
    await atomicWrite(join(folder, 'link'), 'new')
    expect(readFileSync(join(folder, 'real/file'), 'utf8')).toBe('new')
    expect(lstatSync(join(folder, 'link')).isSymbolicLink()).toBe(true)
    expect(readdirSync(folder)).toEqual(['link', 'real'])
  })

  test('many at once: one of them stays, whole', async () => {
    const path = join(ownFolder(), 'file')
    const contents = Array.from({ length: 20 }, (_, at) => String(at % 10).repeat(100_000))
    await Promise.all(contents.map((content) => atomicWrite(path, content, { fsync: false })))
    expect(contents).toContain(readFileSync(path, 'utf8'))
    expect(readdirSync(join(path, '..'))).toEqual(['file'])
  })

  test('what fails rejects with the error of the file system, and leaves the old file alone', async () => {
    const folder = ownFolder()
    await expect(atomicWrite(join(folder, 'none/file'), '')).rejects.toMatchObject({ code: 'ENOENT' })
    mkdirSync(join(folder, 'folder'))
    await expect(atomicWrite(join(folder, 'folder'), '')).rejects.toMatchObject({ code: 'EISDIR' })
    const path = join(folder, 'file')
    writeFileSync(path, 'old')
    const full = Object.assign(new Error('no space'), { code: 'ENOSPC' })
    for (const call of ['writeFile', 'sync', 'chmod', 'close'] as const) {
      const open = promises.open
      vi.spyOn(promises, 'open').mockImplementationOnce(async (...args) => {
        const file = await open(...args)
        const close = file.close.bind(file)
        return Object.assign(file, {
          [call]: () => (call === 'close' ? close() : Promise.resolve()).then(() => Promise.reject(full)),
        })
      })
      await expect(atomicWrite(path, 'new')).rejects.toBe(full)
      vi.restoreAllMocks()
    }
    vi.spyOn(promises, 'rename').mockRejectedValueOnce(full)
    await expect(atomicWrite(path, 'new')).rejects.toBe(full)
    expect(readFileSync(path, 'utf8')).toBe('old')
    expect(readdirSync(folder).sort()).toEqual(['file', 'folder'])
  })

  test('refuses bad arguments at once', () => {
    for (const [args, error] of [
      [[1, ''], TypeError],
      [['', ''], RangeError],
      [['a\0b', ''], RangeError],
      [['file', 1], TypeError],
      [['file', '', { mode: 'rw' }], TypeError],
      [['file', '', { mode: 0o10000 }], RangeError],
      [['file', '', { fsync: 1 }], TypeError],
      [['file', '', { fSync: true }], TypeError],
    ] as const)
      expect(() => (atomicWrite as (...args: unknown[]) => unknown)(...args)).toThrow(error)
  })
})

describe('leftovers', () => {
  test('those of dead processes are removed, and of a process before us that had our number; nothing else', async () => {
    const folder = ownFolder()
    const path = join(folder, 'file')
    const { pid: dead } = spawnSync('true')
    const theirs = [`file.tmp-${dead}-a1`, `file.tmp-${process.pid}-old`]
    const others = [
      'file',
      `file.tmp-${process.pid}-new`,
      `file.tmp-${process.ppid}-a1`,
      `file.tmp-${dead}`,
      `file.tmp-${dead}-a1.gz`,
      `file.tmp-${dead}-A`,
      `other.tmp-${dead}-a1`,
      'file.tmp-x-a1',
    ]
    for (const name of [...theirs, ...others]) writeFileSync(join(folder, name), '')
    utimesSync(join(folder, `file.tmp-${process.pid}-old`), 1, 1)
    expect(await removeLeftovers(path)).toBe(2)
    expect(readdirSync(folder).sort()).toEqual(others.sort())
  })

  test('a file that is not there, or whose folder is not, has none', async () => {
    const path = join(ownFolder(), 'none/file')
    expect(await removeLeftovers(path)).toBe(0)
    expect(existsSync(join(path, '..'))).toBe(false)
  })
})
