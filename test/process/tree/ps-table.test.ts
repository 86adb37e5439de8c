import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../../src/lifecycle/clock.ts'
import { killTree } from '../../../src/process/kill-tree.ts'
import { Killing } from '../../../src/process/tree/killing.ts'
import type { Sighting } from '../../../src/process/tree/process-table.ts'
import { ProcessTree } from '../../../src/process/tree/process-tree.ts'
import { parsePs, psTable } from '../../../src/process/tree/ps-table.ts'
import { lives, start } from '../../fixtures/processes.ts'
import { until } from '../../fixtures/until.ts'

const recorded: Record<string, [string, Partial<Sighting>[]]> = {
  macOS: [
    [
      '    1     0     1 Ss   Thu Oct  9 08:12:01 2025     /sbin/launchd',
      '  501     1   501 S    Thu Oct  9 08:12:44 2025     /System/Library/CoreServices/Finder.app/Contents/MacOS/Finder',
      '81234   501 81234 T+   Sat Oct 11 17:00:59 2025     /Applications/My App.app/Contents/MacOS/My App',
      '81240 81234 81234 Z    Sat Oct 11 17:01:02 2025     (node)',
      '',
    ].join('\n'),
    [
      { pid: 1, parent: 0, group: 1, state: 'S', born: 'Thu Oct 9 08:12:01 2025', name: 'launchd' },
      { pid: 501, parent: 1, group: 501, state: 'S', name: 'Finder' },
      { pid: 81234, parent: 501, state: 'T', born: 'Sat Oct 11 17:00:59 2025', name: 'My App' },
      { pid: 81240, parent: 81234, group: 81234, state: 'Z', name: '(node)' },
    ],
  ],
  FreeBSD: [
    [
      '   0     0     0 DLs  Fri Nov 14 06:00:00 2025     kernel',
      ' 812     1   812 Is   Fri Nov 14 06:00:21 2025     sshd',
      ' 990   812   990 Z    -                            <defunct>',
      '1021   990  1021 I+   Fri Nov 14 07:10:02 2025     sh',
    ].join('\n'),
    [
      { pid: 0, name: 'kernel' },
      { pid: 812, state: 'I' },
      { pid: 1021, group: 1021, name: 'sh' },
    ],
  ],
  procps: [
    [
      '      1       0       1 Ss   Sun Nov 22 09:00:00 2026 systemd',
      '   4711       1    4711 Sl+  Sun Nov 22 09:05:59 2026 node <x> y',
      'PID PPID PGID STAT STARTED COMMAND',
    ].join('\n'),
    [{ pid: 1 }, { pid: 4711, state: 'S', born: 'Sun Nov 22 09:05:59 2026', name: 'node <x> y', session: 0 }],
  ],
}

test.each(Object.entries(recorded))(
  'reads what ps of %s prints, and passes over what is no process',
  (_, [text, rows]) => {
    expect(parsePs(text)).toMatchObject(rows)
    expect(parsePs(text)).toHaveLength(rows.length)
  },
)

test('sees what this system has, but not the ps that tells it', async () => {
  const child = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' })
  onTestFinished(() => void child.kill('SIGKILL'))
  const { pid = 0 } = child
  const [rows, some] = await Promise.all([psTable.all(), psTable.some([pid, 2 ** 22 + 1])])
  const own = rows.find((row) => row.pid === process.pid)
  expect(own).toMatchObject({ parent: process.ppid, state: expect.stringMatching(/^[RS]$/) })
  expect(some).toMatchObject([{ pid, parent: process.pid, group: pid, name: 'sleep' }])
  expect(rows.filter(({ parent, name }) => parent === process.pid && name === 'ps').length).toBeLessThan(2)
})

test('a tree is killed by it as well', async () => {
  const { child, pids } = await start(['ignore', 'obey', 'ignore'])
  const tree = new ProcessTree(psTable, { pid: child.pid ?? 0, child })
  const { result } = new Killing(tree, { signal: 'SIGTERM', grace: 300, reap: 2_000, clock: systemClock })
  expect(await result).toMatchObject({ outcome: 'forced', survivors: [], pids: [...pids].sort((a, b) => a - b) })
  expect(pids.filter(lives)).toEqual([])
})

test('a child is known to be gone without asking it', async () => {
  const { child, pids } = await start(['obey', 'obey'], { detached: true })
  const tree = new ProcessTree(psTable, { pid: child.pid ?? 0, child })
  expect(tree.isGone()).toBe(false)
  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
  expect(tree.isGone()).toBe(false)
  await killTree(child, { grace: 2_000 })
  expect(pids.filter(lives)).toEqual([])
  // Zombies answer too, until process 1 has read them.
  await until('it is known to be gone', () => tree.isGone())
})

test('where there is no ps either, that is said, and no success claimed', async () => {
  const { child, pids } = await start(['obey'])
  const { PATH } = process.env
  process.env['PATH'] = '/nowhere'
  onTestFinished(() => void Object.assign(process.env, { PATH }))
  const tree = new ProcessTree(psTable, { pid: child.pid ?? 0, child })
  const { result } = new Killing(tree, { signal: 'SIGTERM', grace: 300, reap: 2_000, clock: systemClock })
  await expect(result).rejects.toThrow(`Process ${child.pid} was signalled, but what it has started cannot be known.`)
  expect(pids.filter(lives)).toEqual([])
})

test('where there is no ps either, a group is known by whether it can be signalled', async () => {
  const { child, pids } = await start(['obey', 'ignore'], { detached: true })
  const { PATH } = process.env
  process.env['PATH'] = '/nowhere'
  onTestFinished(() => void Object.assign(process.env, { PATH }))
  const tree = new ProcessTree(psTable, { pid: child.pid ?? 0, child })
  const { result } = new Killing(tree, { signal: 'SIGTERM', grace: 300, reap: 5_000, clock: systemClock })
  expect(await result).toMatchObject({ outcome: 'forced', method: 'group' })
  expect(pids.filter(lives)).toEqual([])
})
