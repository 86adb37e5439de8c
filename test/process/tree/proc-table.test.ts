import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { hasProc, parseStat, procTable } from '../../../src/process/tree/proc-table.ts'
import { isLiving, type Sighting } from '../../../src/process/tree/process-table.ts'
import { until } from '../../fixtures/until.ts'

const all = () => procTable.all() as readonly Sighting[]
const some = (...pids: number[]) => procTable.some(pids) as readonly Sighting[]

test.each([
  ['4711 (node) S 10 4711 4700 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 11 0 987654 1 2\n', 'node'],
  ['4711 (a b) c)) S 10 4711 4700 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 11 0 987654 1 2\n', 'a b) c)'],
  ['4711 () S 10 4711 4700 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 11 0 987654', ''],
])('a line of stat is read, whatever the name of the program: %s', (line, name) => {
  expect(parseStat(line)).toEqual({
    pid: 4711,
    parent: 10,
    group: 4711,
    session: 4700,
    state: 'S',
    born: '987654',
    name,
  })
})

test('everybody is seen, this process too, and each as when asked for by its number', () => {
  expect(hasProc()).toBe(true)
  const self = all().find(({ pid }) => pid === process.pid)
  const [again] = some(process.pid)
  expect(self).toMatchObject({ parent: process.ppid, born: again?.born, group: again?.group, session: again?.session })
  expect(again?.state).toBe('R')
})

test('who is not there is left out', () => {
  expect(some(2 ** 22 + 1, process.pid, 0).map(({ pid }) => pid)).toEqual([process.pid])
  expect(some()).toEqual([])
})

test('a child is seen with its parent, its group and its session, until it is dead', async () => {
  const child = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' })
  onTestFinished(() => void child.kill('SIGKILL'))
  const { pid = 0 } = child
  expect(some(pid)).toMatchObject([{ pid, parent: process.pid, group: pid, session: pid }])
  child.kill('SIGSTOP')
  await until('it is stopped', () => some(pid)[0]?.state === 'T')
  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
  expect(some(pid)).toEqual([])
})

test('a zombie is seen, and does not live', async () => {
  // It ends when its parent has become a program that waits for nobody.
  const script = `sh -c 'until grep -q sleep /proc/$PPID/comm; do :; done' & echo $!; exec sleep 60`
  const child = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const pid = Number(`${(await once(child.stdout, 'data'))[0]}`)
  await until('it is a zombie', () => some(pid)[0]?.state === 'Z')
  expect(some(pid).filter(isLiving)).toEqual([])
})

test('a marker is found where it stands whole in the environment', async () => {
  const env = { PATH: process.env['PATH'], ENDSWELL_TEST_TREE: 'abc', ENDSWELL_TEST_LAST: 'x=y' }
  const child = spawn('sh', ['-c', 'echo; exec sleep 60'], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  const marked = (marker: string) => procTable.marked(marker, all())
  await until('it is sleep', () => some(child.pid ?? 0)[0]?.name === 'sleep')
  expect(marked('ENDSWELL_TEST_TREE=abc')).toEqual([child.pid])
  expect(marked('ENDSWELL_TEST_LAST=x=y')).toEqual([child.pid])
  for (const other of ['ENDSWELL_TEST_TREE=ab', 'ENDSWELL_TEST_TREE=abcd', 'TEST_TREE=abc', 'ENDSWELL_TEST_TREE='])
    expect(marked(other)).toEqual([])
})

test('signalling throws as the system does', () => {
  expect(() => procTable.signal(2 ** 22 + 1, 'SIGTERM')).toThrow(expect.objectContaining({ code: 'ESRCH' }))
  expect(() => procTable.signal(process.pid, 0)).not.toThrow()
})
