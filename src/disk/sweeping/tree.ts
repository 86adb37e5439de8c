import type { Stats } from 'node:fs'
import { wordOf } from '../../lifecycle/errors.ts'
import type { Folder } from './folder.ts'

/** How deep it goes below the root, and into a folder that goes as a whole. Each level holds two files open. */
export const DEEPEST = 64

/** A folder cannot go as a whole. */
export class Unfit extends Error {
  override readonly name = 'Unfit'
  readonly code: 'changed' | 'other device' | 'too deep'

  constructor(code: 'changed' | 'other device' | 'too deep') {
    super(`the folder cannot go: ${code}`)
    this.code = code
  }
}

/** What is in a folder, all told. */
export interface Measure {
  /** When anything in it, or itself, was last modified. */
  readonly modified: number
  readonly size: number
}

/** Refuses what lies on another device, or too deep. */
function checkFit(folder: Folder, stats: Stats, level: number): void {
  if (stats.dev !== folder.dev) throw new Unfit('other device')
  if (level >= DEEPEST) throw new Unfit('too deep')
}

/** Whether an error says only that something is not there any more. */
export function isMissing(error: unknown): boolean {
  return wordOf(error, 'code') === 'ENOENT'
}

/**
 * Looks at all that is in a folder of `parent`. Gives `undefined` as soon as something is found that was modified after
 * `limit`: then the rest does not matter.
 */
export async function measureTree(
  parent: Folder,
  name: Buffer,
  stats: Stats,
  limit: number,
  signal: AbortSignal,
  level = 0,
): Promise<Measure | undefined> {
  checkFit(parent, stats, level)
  let modified = stats.mtimeMs
  let size = 0
  if (modified > limit) return undefined
  const folder = parent.child(name)
  await folder.open()
  try {
    for await (const batch of folder.entries()) {
      for (const entry of batch) {
        signal.throwIfAborted()
        const inside = await measureEntry(folder, entry.name, limit, signal, level)
        if (inside === undefined) return undefined
        modified = Math.max(modified, inside.modified)
        size += inside.size
      }
    }
  } finally {
    await folder.close()
  }
  return { modified, size }
}

async function measureEntry(
  folder: Folder,
  name: Buffer,
  limit: number,
  signal: AbortSignal,
  level: number,
): Promise<Measure | undefined> {
  try {
    const stats = await folder.lstat(name)
    if (stats.isDirectory()) return await measureTree(folder, name, stats, limit, signal, level + 1)
    return stats.mtimeMs > limit ? undefined : { modified: stats.mtimeMs, size: stats.size }
  } catch (error) {
    if (isMissing(error)) return { modified: Number.NEGATIVE_INFINITY, size: 0 }
    throw error
  }
}

/** What is done in the removal of a tree. */
interface Removal {
  /** What was modified after that moment has come since it was measured: nothing goes any more. */
  readonly limit: number
  readonly signal: AbortSignal
  /** A file has gone, which had that many bytes. */
  onFile(bytes: number): void
}

/**
 * Removes a folder of `parent` with all that is in it, from the bottom up; links go themselves. What cannot be removed
 * stays, with the folders that it is in, which keep their age, so that they are due the next time as well.
 *
 * @throws the first error, when all else that can go has gone; at once if something has changed.
 */
export async function removeTree(
  parent: Folder,
  name: Buffer,
  stats: Stats,
  removal: Removal,
  level = 0,
): Promise<void> {
  checkFit(parent, stats, level)
  const folder = parent.child(name)
  await folder.open()
  let isDone = false
  try {
    // Where entries go while they are read, some file systems leave some out: then there is something left.
    for (let turn = 1; !isDone; turn += 1) {
      await removeEntries(folder, removal, level)
      isDone = await removeEmpty(parent, name, turn)
    }
  } finally {
    if (!isDone) await folder.setTimes(stats).catch(() => {})
    await folder.close()
  }
}

/** Says whether it is gone, or still holds something. */
async function removeEmpty(parent: Folder, name: Buffer, turn: number): Promise<boolean> {
  try {
    await parent.rmdir(name)
    return true
  } catch (error) {
    if (wordOf(error, 'code') === 'ENOTEMPTY' && turn < 3) return false
    throw error
  }
}

async function removeEntries(folder: Folder, removal: Removal, level: number): Promise<void> {
  let failure: { readonly error: unknown } | undefined
  for await (const batch of folder.entries()) {
    for (const entry of batch) {
      removal.signal.throwIfAborted()
      try {
        await removeEntry(folder, entry.name, removal, level)
      } catch (error) {
        if (removal.signal.aborted || error instanceof Unfit) throw error
        if (!isMissing(error)) failure ??= { error }
      }
    }
  }
  if (failure !== undefined) throw failure.error
}

async function removeEntry(folder: Folder, name: Buffer, removal: Removal, level: number): Promise<void> {
  const stats = await folder.lstat(name)
  if (stats.mtimeMs > removal.limit) throw new Unfit('changed')
  if (stats.isDirectory()) return removeTree(folder, name, stats, removal, level + 1)
  await folder.unlink(name)
  removal.onFile(freedBy(stats))
}

/** How many bytes are free when that name is gone. */
export function freedBy({ nlink, size }: Stats): number {
  return nlink > 1 ? 0 : size
}
