import { basename, dirname, join } from 'node:path'
import { builtin } from './builtin.ts'
import { wordOf } from './errors.ts'
import { unlessMissing } from './unless-missing.ts'

/** A name beside a file under which its next content can grow. It tells which process has begun it. */
export function temporaryFor(path: string): string {
  return `${path}.tmp-${process.pid}-${serial()}`
}

/** 48 bits by chance: a process that has been killed, and one that has got its number since, choose different ones. */
function serial(): string {
  return Math.floor(Math.random() * 2 ** 48).toString(36)
}

/**
 * Removes what `atomicWrite` of a process that was killed has left beside `path`. That process is known by its
 * number, so it must have been one of this machine, or of this container; for a file that one process writes at a time.
 *
 * @returns how many there were.
 */
export async function removeLeftovers(path: string): Promise<number> {
  const { promises } = builtin('node:fs')
  const target = await unlessMissing(promises.realpath(path), path)
  const start = `${basename(target)}.tmp-`
  let removed = 0
  for (const name of await unlessMissing(promises.readdir(dirname(target)), [])) {
    if (!name.startsWith(start)) continue
    const pid = /^(\d+)-[0-9a-z]+$/.exec(name.slice(start.length))?.[1]
    if (pid === undefined) continue
    const leftover = join(dirname(target), name)
    const gone = Number(pid) === process.pid ? await isOlderThanUs(leftover) : !lives(Number(pid))
    if (!gone) continue
    await unlessMissing(promises.unlink(leftover), undefined)
    removed += 1
  }
  return removed
}

/** In a container, every process in a row may have the number 1. */
async function isOlderThanUs(path: string): Promise<boolean> {
  const found = await unlessMissing(builtin('node:fs').promises.stat(path), undefined)
  return found !== undefined && found.mtimeMs < performance.timeOrigin
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return wordOf(error, 'code') !== 'ESRCH'
  }
}
