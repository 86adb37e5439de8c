import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, readlinkSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Sidecar } from '../../../src/process/guard/sidecar.ts'
import { PROBE, SCRIPT } from '../../../src/process/guard/sidecar-script.ts'
import { parseStat } from '../../../src/process/tree/proc-table.ts'
import { everybody, marked, pipesOf, sidecarsOf } from '../../fixtures/parent-death/trees.ts'
import { lives } from '../../fixtures/processes.ts'
import { until } from '../../fixtures/until.ts'

/** A tree of a leader, one in its group, and one in a session of its own. */
async function startTree(): Promise<{ mark: string; leader: ChildProcess; pids: readonly number[]; born: string }> {
  const mark = crypto.randomUUID()
  const leader = spawn('sh', ['-c', 'sleep 60 & setsid sleep 60 & wait'], {
    detached: true,
    stdio: 'ignore',
    env: { ...process.env, ENDSWELL_TREE: mark },
  })
  onTestFinished(() => {
    for (const pid of marked(mark)) process.kill(pid, 'SIGKILL')
  })
  await until('the tree stands', () => marked(mark).length === 3)
  return { mark, leader, pids: marked(mark), born: bornOf(leader.pid) }
}

function bornOf(pid: number | undefined): string {
  return parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1')).born
}

/** Whether anybody lives in a group. */
function isGroup(group: number): boolean {
  return everybody().some((pid) => lives(pid) && groupOf(pid) === group)
}

function groupOf(pid: number): number {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1')).group
  } catch {
    return 0
  }
}

/** The pipes that any child has open: those that were given to this process itself. */
async function inheritedPipes(): Promise<Record<string, string>> {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' })
  onTestFinished(() => void child.kill('SIGKILL'))
  await until('it runs', () => readFileSync(`/proc/${child.pid}/cmdline`, 'utf8').startsWith('sleep'))
  return pipesOf(child.pid)
}

/** Tells a shell of some trees, and closes its input. */
async function tell(text: string, path = process.env['PATH'] ?? '', probe = '1'): Promise<void> {
  const env = { PATH: path, [PROBE]: probe }
  const shell = spawn('/bin/sh', ['-c', SCRIPT], { stdio: ['pipe', 'ignore', 'ignore'], env })
  shell.stdin.end(text)
  await once(shell, 'exit')
}

describe('the script', () => {
  test.each([
    ['with grep', process.env['PATH'], '1'],
    ['where grep stops at a NUL', process.env['PATH'], '0'],
    ['where PATH is empty', '', '1'],
  ])('kills a tree, and whoever has left its group, %s', async (_, path, probe) => {
    const { mark, leader, pids, born } = await startTree()
    await tell(`+ ${mark}:0:0\n+ ${mark}:${leader.pid}:${born}\n- ${mark}:0:0\n`, path, probe)
    await until('all are dead', () => !pids.some(lives))
  })

  test('finds by its mark a tree whose leader was only being started', async () => {
    const { mark, pids } = await startTree()
    await tell(`+ ${mark}:0:0\n`)
    await until('all are dead', () => !pids.some(lives))
  })

  test('kills the group of a tree whose members have put off the mark', async () => {
    const leader = spawn('env', ['-i', 'sh', '-c', 'sleep 60 & echo; wait'], {
      detached: true,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    await once(leader.stdout, 'data')
    await tell(`+ nobody:${leader.pid}:${bornOf(leader.pid)}\n`)
    await until('its group is gone', () => !isGroup(leader.pid ?? 0))
  })

  test('leaves alone what it was told to let go of', async () => {
    const one = await startTree()
    const other = await startTree()
    const name = ({ mark, leader, born }: typeof one) => `${mark}:${leader.pid}:${born}`
    await tell(`+ ${name(one)}\n+ x:0:0\n+ ${name(other)}\n- ${name(one)}\n- x:0:0\n`)
    expect(one.pids.every(lives)).toBe(true)
    await until('the other is dead', () => !other.pids.some(lives))
  })

  test('leaves alone a group whose number somebody else has got', async () => {
    const { leader, pids, born } = await startTree()
    await tell(`+ nobody:${leader.pid}:${Number(born) - 1}\n`)
    expect(pids.every(lives)).toBe(true)
  })
})

describe('a sidecar', () => {
  /** One that is ended with the test. */
  function make(trees: readonly string[] = []): { sidecar: Sidecar; lost: Error[] } {
    const lost: Error[] = []
    const sidecar = new Sidecar((error) => lost.push(error))
    for (const tree of trees) sidecar.add(tree)
    onTestFinished(async () => {
      for (const tree of trees) sidecar.remove(tree)
      sidecar.dismiss()
      await until('no sidecar is left', () => sidecarsOf(process.pid).length === 0)
    })
    return { sidecar, lost }
  }

  test('is there from the first tree on, stays for those to come, and once dismissed goes with the last', async () => {
    const { sidecar } = make()
    expect(sidecar.pid).toBeUndefined()
    sidecar.add('a:0:0')
    const { pid = 0 } = sidecar
    expect(lives(pid)).toBe(true)
    sidecar.add('b:0:0')
    expect(sidecar.pid).toBe(pid)
    sidecar.remove('a:0:0')
    sidecar.replace('b:0:0', 'b:1:1')
    expect([sidecar.has('a:0:0'), sidecar.has('b:0:0'), sidecar.has('b:1:1')]).toEqual([false, false, true])
    sidecar.remove('b:1:1')
    sidecar.add('c:0:0')
    expect(sidecar.pid).toBe(pid)
    sidecar.dismiss()
    expect(sidecar.pid).toBe(pid)
    sidecar.remove('c:0:0')
    expect(sidecar.pid).toBeUndefined()
    await until('it has gone', () => !lives(pid))
    sidecar.add('d:0:0')
    expect(sidecar.pid).not.toBe(pid)
    sidecar.remove('d:0:0')
    expect(sidecar.pid).toBeUndefined()
  })

  test('that is killed while it watches over nothing is replaced with the next tree', async () => {
    const { sidecar, lost } = make()
    const seen = new Set<number>()
    for (let round = 0; round < 6; round++) {
      sidecar.add('a:0:0')
      const { pid = 0 } = sidecar
      seen.add(pid)
      sidecar.remove('a:0:0')
      process.kill(pid, 'SIGKILL')
      await until('its death is known', () => sidecar.pid === undefined)
      await new Promise(setImmediate)
      expect(sidecarsOf(process.pid)).toEqual([])
    }
    expect(seen.size).toBe(6)
    expect(lost).toEqual([])
  })

  test('holds nothing of ours: no stream, no directory, no environment, no session', async () => {
    const inherited = await inheritedPipes()
    const { sidecar } = make(['a:0:0'])
    const { pid } = sidecar
    await until('it is a shell', () => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('endswell-sidecar'))
    expect(pipesOf(pid)).toEqual({ ...inherited, 0: expect.any(String) })
    expect([1, 2].map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`))).toEqual(['/dev/null', '/dev/null'])
    expect(readlinkSync(`/proc/${pid}/cwd`)).toBe('/')
    const names = readFileSync(`/proc/${pid}/environ`, 'utf8')
      .split('\0')
      .map((entry) => entry.split('=')[0])
    expect(names).toEqual(['PATH', PROBE, ''])
    const { group, session } = parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1'))
    expect([group, session]).toEqual([pid, pid])
  })

  test('is not inherited by what is started after it', async () => {
    const before = await inheritedPipes()
    make(['a:0:0'])
    expect(await inheritedPipes()).toEqual(before)
  })

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const)('ignores %s', async (signal) => {
    const { sidecar } = make(['a:0:0'])
    const { pid = 0 } = sidecar
    const ignored = () => BigInt(`0x${/SigIgn:\s*(\w+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]}`)
    await until('it ignores signals', () => (ignored() & (1n << 14n)) !== 0n)
    process.kill(pid, signal)
    sidecar.add('b:0:0')
    sidecar.remove('b:0:0')
    expect(lives(pid)).toBe(true)
    expect(sidecar.pid).toBe(pid)
  })

  test('is replaced when it is killed, three times; then it is lost, and says so', async () => {
    const { sidecar, lost } = make(['a:0:0'])
    const seen = new Set<number>()
    for (let round = 0; round < 4; round++) {
      await until('there is one', () => sidecar.has('a:0:0') && !seen.has(sidecar.pid ?? 0))
      const { pid = 0 } = sidecar
      seen.add(pid)
      process.kill(pid, 'SIGKILL')
    }
    await until('it is lost', () => lost.length > 0)
    expect(sidecar.has('a:0:0')).toBe(false)
    expect(lost).toEqual([expect.objectContaining({ code: 'ERR_EXITED' })])
  })

  test('of a thread kills its trees when the thread ends, also one that has replaced another', async () => {
    const { mark, leader, born, pids } = await startTree()
    const workerData = { tree: `${mark}:${leader.pid}:${born}` }
    const worker = new Worker(new URL('../../fixtures/parent-death/sidecar-worker.ts', import.meta.url), { workerData })
    await once(worker, 'message')
    expect(pids.every(lives)).toBe(true)
    await worker.terminate()
    await until('all are dead', () => !pids.some(lives))
  })
})
