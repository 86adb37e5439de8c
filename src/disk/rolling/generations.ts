import { basename, dirname, join } from 'node:path'
import { builtin } from '../../lifecycle/builtin.ts'
import { unlessMissing } from '../../lifecycle/unless-missing.ts'

/** The numbers of the older files beside `path`, which are called like it, a dot and that number; the newest, 1, first. */
async function numbersOf(path: string): Promise<number[]> {
  const start = `${basename(path)}.`
  const names = await unlessMissing(builtin('node:fs').promises.readdir(dirname(path)), [])
  const numbers = names
    .filter((name) => name.startsWith(start) && /^[1-9]\d{0,8}$/.test(name.slice(start.length)))
    .map((name) => Number(name.slice(start.length)))
  return numbers.sort((one, other) => one - other)
}

/** The files there are: the current one, and the older ones, the newest first. */
export async function listGenerations(path: string): Promise<string[]> {
  const current = await unlessMissing(builtin('node:fs').promises.stat(path), undefined)
  const older = (await numbersOf(path)).map((number) => `${path}.${number}`)
  return current === undefined ? older : [path, ...older]
}

/**
 * Makes room at `path`: what is there becomes number 1, that number 2, and so on. Each step is a rename, from the oldest
 * on, so that a crash between two leaves a number free and nothing lost; such a gap is filled the next time, before
 * anything is dropped. Only what would get a number above `maxFiles` goes.
 */
export async function shiftGenerations(path: string, maxFiles: number): Promise<void> {
  const { promises } = builtin('node:fs')
  const numbers = await numbersOf(path)
  for (const number of numbers)
    if (number > maxFiles) await unlessMissing(promises.unlink(`${path}.${number}`), undefined)
  if (maxFiles === 0) return unlessMissing(promises.unlink(path), undefined)
  let free = 1
  while (free < maxFiles && numbers.includes(free)) free += 1
  for (let to = free; to > 1; to -= 1)
    await unlessMissing(promises.rename(`${path}.${to - 1}`, `${path}.${to}`), undefined)
  await unlessMissing(promises.rename(path, `${path}.1`), undefined)
}

/** Removes the older files that were last written before `moment`, by the wall clock. */
export async function expireGenerations(path: string, moment: number): Promise<void> {
  const { promises } = builtin('node:fs')
  for (const number of await numbersOf(path)) {
    const file = join(dirname(path), `${basename(path)}.${number}`)
    const stats = await unlessMissing(promises.lstat(file), undefined)
    if (stats !== undefined && stats.mtimeMs <= moment) await unlessMissing(promises.unlink(file), undefined)
  }
}
