/** A sweeper against somebody who swaps a folder for a link while it sweeps, and against what it may not remove. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { RetentionSweeper } from 'endswell/disk'
import { expect, onTestFinished, test } from 'vitest'
import { ownFolder } from '../fixtures/folder.ts'

const program = fileURLToPath(new URL('../fixtures/disk/swapper.ts', import.meta.url))
/** How many ms the race lasts. */
const span = 100 * Number(process.env['ENDSWELL_ROUNDS'] ?? 15)

test.skipIf(process.platform !== 'linux')(
  'in a race with one who makes the folder a link again and again, no file but those in the root is removed',
  async () => {
    const folder = ownFolder()
    const [root, outside] = [join(folder, 'root'), join(folder, 'outside')]
    for (const path of [root, outside]) mkdirSync(path)
    const names = Array.from({ length: 20 }, (_, at) => `file${at}`).sort()
    for (const name of names) {
      writeFileSync(join(outside, name), 'precious')
      utimesSync(join(outside, name), 1, 1)
    }
    utimesSync(outside, 1, 1)
    const swapper = spawn(process.execPath, [program, root, outside], { stdio: ['pipe', 'pipe', 'inherit'] })
    onTestFinished(() => void swapper.kill('SIGKILL'))
    const ended = once(swapper, 'exit').then(([status]) => expect(`alive, and not ended with ${status}`).toBe(''))
    await Promise.race([once(swapper.stdout, 'data'), ended])

    await using files = new RetentionSweeper({ root, rules: [{ match: 'd/*' }], concurrency: 1 })
    await using folders = new RetentionSweeper({ root, rules: [{ match: 'd', kind: 'dir' }], name: 'folders' })
    const end = performance.now() + span
    while (performance.now() < end) {
      await files.sweep()
      await folders.sweep()
      expect(readdirSync(outside).sort()).toEqual(names)
    }
    swapper.stdin.end('stop')
    const [swaps] = (await Promise.race([once(swapper.stdout, 'data'), ended])) as unknown[]
    expect(Number(swaps)).toBeGreaterThan(10)
    expect(files.stats().removed + folders.stats().removed).toBeGreaterThan(0)
    expect(readdirSync(outside).sort()).toEqual(names)
  },
  600_000,
)

test.skipIf(process.platform === 'win32')('what it may not remove is counted, and goes when it may', async () => {
  const root = ownFolder()
  chmodSync(root, 0o755)
  for (const path of ['locked/file', 'open/file']) {
    mkdirSync(dirname(join(root, path)))
    writeFileSync(join(root, path), '')
    utimesSync(join(root, path), 1, 1)
  }
  chmodSync(join(root, 'open'), 0o777)
  chmodSync(join(root, 'locked'), 0o555)
  await using sweeper = new RetentionSweeper({ root, rules: [{ match: '*/file' }] })
  // Root may do everything: for the time of the sweep this process is nobody.
  const isRoot = process.getuid?.() === 0
  if (isRoot) process.seteuid?.(65_534)
  const report = await sweeper.sweep().finally(() => isRoot && process.seteuid?.(0))
  expect(report).toMatchObject({ removed: 1, failed: 1 })
  expect(report.samples[0]).toEqual({ path: 'locked/file', outcome: 'failed', reason: 'EACCES' })
  chmodSync(join(root, 'locked'), 0o755)
  expect(await sweeper.sweep()).toMatchObject({ removed: 1, failed: 0 })
})
