/**
 * Trees of real processes, judged from outside: by what the system says of every process that has the mark of its tree.
 * `ENDSWELL_ROUNDS=50` is the long form, which prints how late the last of a hundred died.
 *
 * What others test of the ending of processes, or were asked to mend, told again with ours:
 *
 * | scenario | first seen in | here |
 * |---|---|---|
 * | ignores SIGTERM, is killed after a delay, and is told to have been | execa, kill-force | with SIGKILL after the grace … |
 * | a kill with another signal | execa, kill-force; pm2, treekill, ignores SIGINT | whatever the first signal is … |
 * | without a delay nothing is forced before its time | execa, kill-force | what does not die … |
 * | a second kill; a kill of what is dead | execa, kill-force | asked twice …, what has ended … |
 * | a delay that is no number; signals that are none | execa, kill-force, kill-signal; tree-kill | refuses … |
 * | the child of the child | execa, kill-descendants; pm2, treekill | of 100 processes …, gently … |
 * | the leader dies first and the rest ignores it | execa, what its escalation misses | with SIGKILL after the grace … |
 * | nothing is left on the child | execa, cancel | nothing is left on the child … |
 * | the leader is dead already | tree-kill, what it misses; dumb-init, the main child exits | gently …, with SIGKILL … |
 * | a session of its own | tree-kill, pm2 | gently …, with SIGKILL … |
 * | no `ps`, or one that says nothing | tree-kill 25, 29, 36, 38 | without any program … |
 * | a pipeline of six | dumb-init, child_processes | gently … |
 * | the ignoring child's own child | tini, group mode | what does not die … |
 * | zombies of those that forked twice | tini, reaping | `process-one.test.ts` |
 * | a grandchild keeps the pipe | tinyexec 138 | what has got away … |
 */
import { execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Lifecycle } from 'endswell'
import { type KillTreeOptions, type KillTreeResult, killTree } from 'endswell/process'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { living, marked, stateOf, type Tree, tree, walk } from '../fixtures/forest/forest.ts'
import { plant } from '../fixtures/forest/plant.ts'
import { listeners } from '../fixtures/listeners.ts'
import { until } from '../fixtures/until.ts'

const usual = 2
const rounds = Number(process.env['ENDSWELL_ROUNDS'] ?? usual)
const namespace = ['--pid', '--fork', '--kill-child', '--mount-proc']
const choose = 'echo 4711 >/proc/sys/kernel/ns_last_pid'
/** In a namespace of processes one can say which number the next process gets, where the kernel was built for it. */
const canChooseNumbers = spawnSync('unshare', [...namespace, 'sh', '-c', choose]).status === 0
const program = fileURLToPath(new URL('../fixtures/forest/kill.ts', import.meta.url))
const sorted = (numbers: readonly number[]) => numbers.toSorted((one, other) => one - other)

afterEach(() => {
  vi.restoreAllMocks()
})

describe('of 100 processes over three levels, half of which ignore SIGTERM, none survives', () => {
  const leaves = [
    'obey',
    'ignore',
    'stop obey',
    'setsid ignore',
    'setsid obey',
    'stop ignore',
    'setsid stop obey',
    'obey',
    'ignore',
    'setsid stop ignore',
  ]
  const hundred = tree(
    'obey',
    ...Array.from({ length: 9 }, (_, at) =>
      tree(at % 2 === 0 ? 'obey' : 'ignore', ...leaves.map((each) => tree(each))),
    ),
  )
  const grace = 300

  test.each([{ detached: true }, { detached: false }])(
    '$detached',
    async (options) => {
      const late: number[] = []
      for (let round = 0; round < rounds; round += 1) {
        const { child, pids, marker } = await plant(hundred, options)
        const result = await killTree(child, { grace })
        expect(marked(marker)).toEqual([])
        expect(result).toMatchObject({ outcome: 'forced', survivors: [], zombies: [] })
        expect(sorted(result.pids)).toEqual(sorted(pids))
        expect(result.forced).toEqual(expect.arrayContaining(ignoring(hundred, pids)))
        late.push(result.ms - grace)
      }
      if (rounds > usual) {
        const [middle = 0, worst = 0] = [sorted(late)[rounds >> 1], Math.max(...late)]
        const figures = `${middle.toFixed()} ms past the grace, at worst ${worst.toFixed()} ms`
        console.log(`${rounds} × 100, detached ${options.detached}: ${figures}; load ${loadavg()[0]?.toFixed(1)}`)
      }
    },
    20_000 + rounds * 5_000,
  )
})

/** How a tree is started: in the group of this process, or leading its own. */
const bare = { detached: false }
const group = { detached: true }

describe('gently', () => {
  test.each([
    ['one process', tree('obey'), bare],
    ['one that leads a group', tree('obey'), group],
    ['three levels', tree('obey', tree('obey', tree('obey'), tree('obey')), tree('obey')), bare],
    ['three levels of a group', tree('obey', tree('obey', tree('obey'), tree('obey')), tree('obey')), group],
    ['processes that are stopped', tree('stop obey', tree('stop obey'), tree('setsid stop obey')), bare],
    ['stopped members of a group', tree('stop obey', tree('stop obey'), tree('setsid stop obey')), group],
    ['a session in a session', tree('obey', tree('setsid obey', tree('setsid obey', tree('obey')))), bare],
    ['the same below a group', tree('obey', tree('setsid obey', tree('setsid obey', tree('obey')))), group],
    ['a group whose leader is dead already', tree('leave', tree('obey'), tree('obey', tree('obey'))), group],
    ['a parent that never waits', tree('forget', tree('leave'), tree('obey'), tree('leave', tree('obey'))), group],
    ['one that spins', tree('obey', tree('spin')), group],
  ] as const)('%s dies of SIGTERM', async (_, root, options) => {
    const { child, pids, marker } = await plant(root, options)
    const before = living(pids)
    const result = await killTree(child)
    expect(marked(marker)).toEqual([])
    expect(result).toMatchObject({ outcome: 'closed', forced: [], survivors: [], zombies: [] })
    expect(result.pids).toEqual(expect.arrayContaining([...before]))
    expect(pids).toEqual(expect.arrayContaining([...result.pids]))
  })

  test('a pipeline of six dies of SIGTERM', async () => {
    const line = Array.from({ length: 5 }, () => 'cat').join(' | ')
    const child = spawn('sh', ['-c', `(echo ready; exec sleep 60) | ${line}`], { detached: true })
    await once(child.stdout, 'data')
    const result = await killTree(child)
    expect(result).toMatchObject({ outcome: 'closed', method: 'group', survivors: [] })
    expect(result.pids).toHaveLength(7)
    expect(living(result.pids)).toEqual([])
  })
})

describe('with SIGKILL after the grace', () => {
  test.each([
    ['one process', tree('ignore'), bare],
    ['one that leads a group', tree('ignore'), group],
    ['three levels', tree('ignore', tree('ignore', tree('ignore')), tree('ignore')), bare],
    ['three levels of a group', tree('ignore', tree('ignore', tree('ignore')), tree('ignore')), group],
    ['whom a leader that obeys leaves behind', tree('obey', tree('ignore', tree('ignore'))), bare],
    ['the same in a group', tree('obey', tree('ignore', tree('ignore'))), group],
    ['the same where they hold no pipe', tree('obey', tree('ignore mute', tree('ignore mute'))), group],
    ['a group whose leader is dead already', tree('leave', tree('ignore'), tree('obey', tree('ignore'))), group],
    ['a grandchild', tree('obey', tree('obey', tree('ignore'))), bare],
    ['a grandchild in a session of its own', tree('obey', tree('obey', tree('setsid ignore'))), bare],
    ['the same below a group', tree('obey', tree('obey', tree('setsid ignore'))), group],
    ['an orphan in the session of a member', tree('obey', tree('setsid obey', tree('leave', tree('ignore')))), bare],
    ['what is stopped', tree('stop ignore', tree('stop ignore'), tree('setsid stop ignore')), group],
    ['what spins', tree('obey', tree('ignore spin')), bare],
    ['what hears', tree('obey', tree('hear')), group],
    ['what goes on for ever in other processes', tree('obey', tree('ignore hop')), group],
  ] as const)('%s', async (_, root, options) => {
    const { child, pids, marker } = await plant(root, options)
    const result = await killTree(child, { grace: 100 })
    expect(marked(marker)).toEqual([])
    expect(result).toMatchObject({ outcome: 'forced', survivors: [], zombies: [] })
    expect(result.ms).toBeGreaterThanOrEqual(98)
    expect(result.pids).toEqual(expect.arrayContaining([...result.forced]))
    if (!root.below.some(({ tempers }) => tempers.includes('hop')))
      expect(result.forced).toEqual(expect.arrayContaining(ignoring(root, pids)))
  })

  test.each(['SIGHUP', 'SIGINT', 'SIGUSR1', 'SIGTERM'] as const)('whatever the first signal is: %s', async (signal) => {
    const { child, pids, marker } = await plant(tree('obey', tree('ignore')), group)
    const ending = killTree(child, { signal, grace: 60_000 })
    await until('one is dead', () => living(pids).length === 1)
    expect(living(pids)).toEqual([pids[1]])
    void killTree(child, { grace: 0 })
    expect(await ending).toMatchObject({ outcome: 'forced', forced: [pids[1]], survivors: [] })
    expect(marked(marker)).toEqual([])
    expect(child.signalCode).toBe(signal)
  })

  test('what does not die has heard SIGTERM and lives until then', async () => {
    const { child, pids, out } = await plant(tree('hear', tree('obey')), group)
    const ending = killTree(child, { grace: 60_000 })
    await until('the one has heard and the other is dead', () => out().includes('heard 0') && !living(pids)[1])
    expect(living(pids)).toEqual([child.pid])
    void killTree(child, { grace: 0 })
    expect(await ending).toMatchObject({ outcome: 'forced' })
    expect([living(pids), child.signalCode]).toEqual([[], 'SIGKILL'])
  })
})

test.each([bare, group])('nobody slips through by forking meanwhile ($detached)', async (options) => {
  const { child, marker } = await plant(tree('ignore', ...Array.from({ length: 5 }, () => tree('breed'))), options)
  expect(await killTree(child, { grace: 0 })).toMatchObject({ outcome: 'forced', survivors: [], zombies: [] })
  expect(marked(marker)).toEqual([])
})

test.each([bare, group])('SIGKILL as the first signal is the whole of it ($detached)', async (options) => {
  const { child, marker, out } = await plant(tree('hear', tree('setsid hear'), tree('obey')), options)
  const result = await killTree(child, { signal: 'SIGKILL', grace: 60_000 })
  expect(marked(marker)).toEqual([])
  expect(result).toMatchObject({ outcome: 'forced', survivors: [] })
  expect(out()).not.toContain('heard')
})

describe('a member in a session of its own', () => {
  test("is its parent's to end while that lives", async () => {
    const { child, marker, out } = await plant(tree('hear', tree('setsid hear')), group)
    const ending = killTree(child, { grace: 60_000 })
    await until('the parent has heard', () => out().includes('heard 0'))
    const result = await Promise.race([killTree(child, { grace: 200 }), ending])
    expect(result.outcome).toBe('forced')
    expect(out()).not.toContain('heard 1')
    expect(marked(marker)).toEqual([])
  })

  test('hears SIGTERM when its parent is dead', async () => {
    const { child, marker, out } = await plant(tree('obey', tree('setsid hear')), group)
    const ending = killTree(child, { grace: 60_000 })
    await until('it has heard', () => out().includes('heard 1'))
    void killTree(child, { grace: 0 })
    expect((await ending).outcome).toBe('forced')
    expect(marked(marker)).toEqual([])
  })

  test('is found by its mark where nothing else connects it with the tree, and only so', async () => {
    const root = tree('leave', tree('setsid leave', tree('setsid ignore')))
    const without = await plant(root, group)
    expect((await killTree(without.child, { grace: 100 })).outcome).toBe('closed')
    expect(marked(without.marker)).toEqual([without.pids[2]])
    const { child, pids, marker } = await plant(root, group)
    const result = await killTree(child, { grace: 100, marker })
    expect(result).toMatchObject({ outcome: 'forced', forced: [pids[2]], survivors: [] })
    expect(marked(marker)).toEqual([])
  })

  test('is found by its mark although it began after the first signal', async () => {
    const { child, marker, out } = await plant(tree('obey', tree('sprout')), group)
    const ending = killTree(child, { grace: 60_000, marker })
    await until('it has begun', () => out().includes('sprout'))
    void killTree(child, { grace: 0 })
    const result = await ending
    expect(marked(marker)).toEqual([])
    const [, sprout] = /ready sprout (\d+)/.exec(out()) ?? []
    expect(result).toMatchObject({ outcome: 'forced', forced: [Number(sprout)], survivors: [] })
  })
})

describe('what is not of the tree lives on:', () => {
  test.each([bare, group])('neighbours ($detached)', async (options) => {
    const neighbour = await plant(tree('obey', tree('setsid obey')))
    const { child, marker } = await plant(tree('obey', tree('ignore')), options)
    await killTree(child, { grace: 100 })
    expect(marked(marker)).toEqual([])
    expect(living(neighbour.pids)).toEqual(neighbour.pids)
  })

  test.each([bare, group])('what is above and beside a process known by its number ($detached)', async (options) => {
    const { pids } = await plant(tree('obey', tree('obey', tree('ignore'), tree('setsid obey')), tree('obey')), options)
    const [root = 0, target = 0, , , beside = 0] = pids
    const result = await killTree(target, { grace: 100 })
    expect(result).toMatchObject({ outcome: 'forced', method: 'walk', survivors: [] })
    expect(sorted(result.pids)).toEqual(sorted(pids.slice(1, 4)))
    expect(living(pids)).toEqual([root, beside])
  })

  test.runIf(canChooseNumbers).each([
    ['of a child that has exited', 'child', { outcome: 'closed', forced: [] }],
    ['of its leader, and a group by that number', 'leader', { outcome: 'forced' }],
    ['of a member', 'member', { outcome: 'forced' }],
  ])('whoever has got the number %s', async (_, whose, expected) => {
    const file = fileURLToPath(new URL('../fixtures/forest/reused.ts', import.meta.url))
    const { stdout } = await promisify(execFile)('unshare', [...namespace, process.execPath, file, whose])
    const { result, lives } = JSON.parse(stdout)
    expect(result).toMatchObject({ ...expected, survivors: [] })
    expect(lives).toBe(true)
  })
})

describe('a zombie', () => {
  test('has ended', async () => {
    const { pids } = await plant(tree('forget', tree('obey')))
    const [root = 0, zombie = 0] = pids
    process.kill(zombie, 'SIGKILL')
    await until('it is a zombie', () => stateOf(zombie) === 'Z')
    expect(await killTree(zombie)).toMatchObject({ outcome: 'closed', forced: [], survivors: [], zombies: [] })
    expect(living(pids)).toEqual([root])
  })

  test('that leads a group has ended when the group has', async () => {
    const { pids } = await plant(tree('forget', tree('setsid obey', tree('ignore'), tree('obey'))))
    const [root = 0, zombie = 0, deaf = 0] = pids
    process.kill(zombie, 'SIGKILL')
    await until('it is a zombie', () => stateOf(zombie) === 'Z')
    expect(await killTree(zombie, { grace: 300 })).toMatchObject({ outcome: 'forced', forced: [deaf], survivors: [] })
    expect(living(pids)).toEqual([root])
  })
})

describe('asked twice', () => {
  test('it kills once', async () => {
    const { child, pids, out } = await plant(tree('hear'), group)
    const ending = killTree(child, { grace: 60_000 })
    await until('it has heard', () => out().includes('heard'))
    expect(killTree(child, { grace: 60_000 })).toBe(ending)
    expect(living(pids)).toEqual(pids)
    const result = await killTree(child, { grace: 0 })
    expect(result).toBe(await ending)
    expect(out().match(/heard/g)).toHaveLength(1)
  })

  test.each([
    [100, 60_000],
    [60_000, 100],
  ])('the shorter grace counts (%s, then %s)', async (first, second) => {
    const { child, marker } = await plant(tree('ignore', tree('ignore')), group)
    const results = await Promise.all([killTree(child, { grace: first }), killTree(child, { grace: second })])
    expect(results.map(({ outcome }) => outcome)).toEqual(['forced', 'forced'])
    expect(marked(marker)).toEqual([])
  })
})

describe('what has ended', () => {
  test.each([bare, group])('by itself is closed, and nobody is signalled ($detached)', async (options) => {
    const child = spawn('true', options)
    await once(child, 'close')
    const signals = signalsSent()
    expect(await killTree(child)).toMatchObject({ outcome: 'closed', pids: [], forced: [], survivors: [], zombies: [] })
    expect(signals()).toEqual([])
  })

  test('by a kill is not killed again', async () => {
    const { child } = await plant(tree('obey', tree('obey')), group)
    await killTree(child)
    const signals = signalsSent()
    expect(await killTree(child, { grace: 0 })).toMatchObject({ outcome: 'closed', forced: [] })
    expect(signals()).toEqual([])
  })

  test('because it never began is closed', async () => {
    const child = spawn('/nowhere/at/all')
    await once(child, 'error')
    expect(await killTree(child)).toMatchObject({ outcome: 'closed', pids: [], survivors: [] })
  })

  test('long ago, by its number, is closed', async () => {
    const { pid = 0 } = spawnSync('true')
    expect(await killTree(pid)).toMatchObject({ outcome: 'closed', pids: [], survivors: [] })
  })
})

test.each([bare, group])('nothing is left on the child, and its close event has come ($detached)', async (options) => {
  const { child } = await plant(tree('obey', tree('obey'), tree('setsid obey')), options)
  const before = listeners(child)
  const close = once(child, 'close')
  await killTree(child)
  await close
  expect(listeners(child)).toEqual(before)
  expect(child.stdio.every((pipe) => pipe?.destroyed !== false)).toBe(true)
})

test('what has got away and holds the pipe delays nothing, and all output that was written has come', async () => {
  const { child, pids, marker, out } = await plant(tree('words', tree('leave', tree('setsid ignore'))), bare)
  await until('nothing connects it any more', () => living(pids).length === 2)
  const close = once(child, 'close')
  expect(await killTree(child)).toMatchObject({ outcome: 'closed', survivors: [] })
  await close
  expect(out().trimEnd().split('\n').at(-1)).toBe('20000')
  expect(marked(marker)).toEqual([pids[2]])
})

test('trees that are ended at once are all dead', async () => {
  const planted = await Promise.all(
    Array.from({ length: 12 }, (_, at) =>
      plant(tree('obey', tree(at % 2 === 0 ? 'ignore' : 'obey'), tree('setsid obey')), { detached: at % 3 > 0 }),
    ),
  )
  const results = await Promise.all(planted.map(({ child }) => killTree(child, { grace: 500 })))
  expect(planted.flatMap(({ marker }) => marked(marker))).toEqual([])
  expect(results.map(({ outcome }) => outcome)).toEqual(planted.map((_, at) => (at % 2 === 0 ? 'forced' : 'closed')))
})

test.each([bare, group])('a lifecycle ends its children like that ($detached)', async (options) => {
  const life = new Lifecycle({ name: 'life', grace: 100 })
  const { child, marker } = await plant(tree('obey', tree('ignore'), tree('setsid obey')), options)
  life.use(child)
  expect((await life.close()).counts).toEqual({ closed: 0, forced: 1, failed: 0, abandoned: 0 })
  expect(marked(marker)).toEqual([])
})

describe('a program of its own', () => {
  /** Has another process end a tree, and gives the result. That it ends too is proof that nothing is left in it. */
  async function byOther(pid: number, options: KillTreeOptions, command: readonly string[], env = process.env) {
    const [file = '', ...args] = [...command, process.execPath, program, String(pid), JSON.stringify(options)]
    const { stdout } = await promisify(execFile)(file, args, { env, timeout: 15_000 })
    return JSON.parse(stdout) as KillTreeResult
  }

  test('ends a tree without any program at hand, and then has nothing left to do', async () => {
    const { pids, marker } = await plant(tree('obey', tree('ignore'), tree('setsid obey')), group)
    const result = await byOther(pids[0] ?? 0, { grace: 300 }, [], { PATH: '' })
    expect(marked(marker)).toEqual([])
    expect(result).toMatchObject({ outcome: 'forced', survivors: [], zombies: [] })
  })

  const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
  const canBecomeNobody = spawnSync(nobody[0] ?? '', [...nobody.slice(1), process.execPath, '--check', program]).status

  test.runIf(canBecomeNobody === 0)('names those that it is not allowed to signal', async () => {
    const { child, pids } = await plant(tree('obey', tree('obey')))
    const { outcome, survivors, forced } = await byOther(child.pid ?? 0, { grace: 50, reap: 50 }, nobody)
    expect([outcome, forced]).toEqual(['abandoned', []])
    expect(sorted(survivors.map(({ pid }) => pid))).toEqual(sorted(pids))
    for (const each of survivors)
      expect(each).toMatchObject({ name: expect.stringMatching(/^(sh|sleep)$/), denied: true })
    expect(living(pids)).toEqual(pids)
  })
})

describe('refuses, and signals nobody:', () => {
  const typed = { code: expect.stringMatching(/^ERR_(INVALID_ARG_TYPE|OUT_OF_RANGE|UNKNOWN_OPTION)$/) }

  test.each([undefined, null, 'x', '4711', {}, 0, 1, -1, -4711, 4711.5, Number.NaN, Infinity, process.pid])(
    'the target %s',
    (target) => {
      const signals = signalsSent(true)
      expect(() => killTree(target as number)).toThrow(expect.objectContaining(typed))
      expect(signals()).toEqual([])
    },
  )

  test.each<[string, object]>([
    ['a grace below 0', { grace: -1 }],
    ['a grace that is no number', { grace: Number.NaN }],
    ['a grace for ever', { grace: Infinity }],
    ['a grace too long for a timer', { grace: 2 ** 31 }],
    ['a grace in words', { grace: '5s' }],
    ['no grace', { grace: false }],
    ['a reap below 0', { reap: -1 }],
    ['a reap that is no number', { reap: Number.NaN }],
    ['signal 0', { signal: 0 }],
    ['a signal by number', { signal: 15 }],
    ['a signal of no number', { signal: Number.NaN }],
    ['a signal that does not exist', { signal: 'SIGNONE' }],
    ['a signal in small letters', { signal: 'sigterm' }],
    ['a signal by half', { signal: 'TERM' }],
    ['another method', { method: 'all' }],
    ['a marker without a value', { marker: 'ENDSWELL_FOREST' }],
    ['a marker without a name', { marker: '=value' }],
    ['an option that is none', { graceMs: 100 }],
    ['options that are none', null as unknown as object],
    ['the group of a child that leads none', { method: 'group' }],
  ])('%s', async (_, options) => {
    const { child, pids } = await plant(tree('obey'))
    const signals = signalsSent(true)
    expect(() => killTree(child, options)).toThrow(expect.objectContaining(typed))
    expect(signals()).toEqual([])
    expect(living(pids)).toEqual(pids)
  })
})

/** Those of a tree that ignore what asks them to end. */
function ignoring(root: Tree, pids: readonly number[]): number[] {
  const deaf = (node: Tree) => node.tempers.some((temper) => temper === 'ignore' || temper === 'hear')
  return pids.filter((_, number) => deaf(walk(root)[number] ?? root))
}

/** Listens to which signals are sent from now on, those that only ask aside; perhaps without letting them through. */
function signalsSent(hold = false): () => readonly unknown[] {
  const { kill } = process
  const spy = vi.spyOn(process, 'kill').mockImplementation((pid, signal) => hold || kill.call(process, pid, signal))
  return () => spy.mock.calls.filter(([, signal]) => signal !== 0)
}
