import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { armLastResort } from '../../src/run/last-resort.ts'
import { until } from '../fixtures/until.ts'

const program = fileURLToPath(new URL('../fixtures/last-resort/stuck.ts', import.meta.url))
const canUnshare = spawnSync('unshare', ['--pid', '--fork', '--mount-proc', 'true']).status === 0

interface End {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  readonly out: string
  /** How many ms it took from when it began to exit until nobody held its streams any more. */
  readonly ms: number
  /** The pid of the shell that watched it, which leads a session. */
  readonly guard: number
}

/** Runs the program, perhaps inside another command, to its end. */
async function end(what: string, way: string, before: readonly string[] = []): Promise<End> {
  const folder = mkdtempSync(join(tmpdir(), 'endswell-'))
  const fifo = join(folder, 'fifo')
  execFileSync('mkfifo', [fifo])
  const [command = '', ...args] = [...before, process.execPath]
  const child = spawn(command, [...args, program, what, way, fifo], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => {
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true })
  })
  let out = ''
  let from = Number.NaN
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
    if (text.includes('exits')) from = performance.now()
  })
  const [status, signal] = await once(child, 'close')
  return { status, signal, out, ms: performance.now() - from, guard: Number(/guard (\d+)/.exec(out)?.[1]) }
}

/** The processes that live in a session. */
function session(leader: number): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
      const [state = '', , , id] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      return !'ZX'.includes(state) && Number(id) === leader
    } catch {
      return false
    }
  })
}

describe('the last resort', () => {
  test.each(['file', 'worker'])('kills a process that hangs in its exit, stuck in a %s', async (what) => {
    const { status, signal, out, ms, guard } = await end(what, 'armed')
    expect({ status, signal }).toEqual({ status: null, signal: 'SIGKILL' })
    expect(out).toContain('exits 3')
    expect(ms).toBeGreaterThan(800)
    await until('the shell has gone', () => session(guard).length === 0)
  })

  test('leaves a process alone that ends in time, and goes with it', async () => {
    const { status, signal, out, ms, guard } = await end('nothing', 'armed')
    expect({ status, signal }).toEqual({ status: 3, signal: null })
    expect(out).toContain('armed true')
    expect(ms).toBeLessThan(800)
    await until('the shell has gone', () => session(guard).length === 0, 500)
  })

  test('can be undone', async () => {
    const before = children()
    const undo = armLastResort(60_000)
    const [guard = 0, ...others] = children().filter((pid) => !before.includes(pid))
    expect(others).toEqual([])
    await until('it sleeps', () => session(guard).length === 3)
    undo?.()
    await until('the shell has gone', () => session(guard).length === 0)
  })

  test('does nothing where processes cannot be started', async () => {
    const before = [process.execPath, '--permission', '--allow-fs-read=*', '--no-warnings']
    const { status, stdout } = spawnSync(before[0] ?? '', [...before.slice(1), program, 'nothing', 'armed'], {
      encoding: 'utf8',
    })
    expect(stdout).toContain('armed false')
    expect(status).toBe(3)
  })

  test.each([-1, Number.NaN, 2 ** 31])('refuses a delay of %s', (delay) => {
    expect(() => armLastResort(delay)).toThrow(RangeError)
  })
})

/** The processes that the main thread of this one has started. */
function children(): number[] {
  const found = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').split(' ')
  return found.filter((pid) => pid !== '').map(Number)
}

describe.runIf(typeof process.execve === 'function')('the hard exit', () => {
  test.each(['nothing', 'file', 'worker'])('ends a process at once with its status, stuck in: %s', async (what) => {
    const { status, signal, out } = await end(what, 'hard')
    expect({ status, signal }).toEqual({ status: 3, signal: null })
    expect(out).toContain('exits 3')
  })

  test.runIf(canUnshare)('ends also process 1 of a container, where the last resort can do nothing', async () => {
    const inside = ['unshare', '--pid', '--fork', '--mount-proc']
    expect(await end('worker', 'hard', inside)).toMatchObject({ status: 3 })
    expect((await end('nothing', 'armed', inside)).out).toContain('armed false')
  })

  test('leaves the exit to the ordinary way where it is not allowed', () => {
    const args = ['--permission', '--allow-fs-read=*', '--no-warnings', program, 'nothing', 'hard']
    expect(spawnSync(process.execPath, args).status).toBe(3)
  })
})
