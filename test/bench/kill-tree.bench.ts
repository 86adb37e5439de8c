// How long it takes until a whole tree of processes is dead, and how many of it are left, beside what others offer for
// it. All get the same trees and, where they have one, the same grace.
import { type ChildProcess, spawn } from 'node:child_process'
import { availableParallelism, totalmem } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { killTree } from 'endswell/process'
import { execa } from 'execa'
import treeKill from 'tree-kill'
import {
  environmentFor,
  fell,
  living,
  marked,
  newMarker,
  stand,
  type Tree,
  tree,
  wordsFor,
} from '../fixtures/forest/forest.ts'
import { median } from './processes.ts'

const grace = 300
const rounds = process.argv.includes('--short') ? 1 : 5

/** Three levels: one, two below it, and three below each of those. */
function levels(root: string, inner: string, leaf: string): Tree {
  return tree(root, ...[1, 2].map(() => tree(inner, ...[1, 2, 3].map(() => tree(leaf)))))
}

const trees: Readonly<Record<string, Tree>> = {
  'all obey SIGTERM': levels('obey', 'obey', 'obey'),
  'all ignore it': levels('ignore', 'ignore', 'ignore'),
  'the leader obeys, the rest ignores': levels('obey', 'ignore', 'ignore'),
  'the same, and the rest holds no pipe': levels('obey', 'ignore mute', 'ignore mute'),
  'leaves in sessions of their own ignore it': levels('obey', 'obey', 'setsid ignore'),
  'the leader is dead already, the rest obeys': levels('leave', 'obey', 'obey'),
  'a hundred, half ignore it': tree(
    'obey',
    ...Array.from({ length: 9 }, () =>
      tree('obey', ...Array.from({ length: 10 }, (_, at) => tree(at % 2 ? 'ignore' : 'obey'))),
    ),
  ),
}

interface Way {
  start(words: readonly string[], env: NodeJS.ProcessEnv): ChildProcess
  /** Resolves when the way says that it is done. */
  end(child: ChildProcess): Promise<unknown>
}

function start(words: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  return spawn('sh', words, { stdio: ['ignore', 'pipe', 'ignore'], env, detached: true })
}

function byTreeKill(signal: NodeJS.Signals): Way['end'] {
  return ({ pid = 0 }) => new Promise((resolve) => treeKill(pid, signal, resolve))
}

const ways: Readonly<Record<string, Way>> = {
  killTree: { start, end: (child) => killTree(child, { grace }) },
  'execa 10, killDescendants': {
    start: (words, env) => {
      const options = { killDescendants: true, forceKillAfterDelay: grace, reject: false, buffer: false } as const
      // It is a ChildProcess that can be awaited.
      return execa('sh', words, { ...options, stdin: 'ignore', stderr: 'ignore', env }) as unknown as ChildProcess
    },
    end: (child) => {
      child.kill()
      return Promise.resolve(child)
    },
  },
  'tree-kill, SIGTERM': { start, end: byTreeKill('SIGTERM') },
  'tree-kill, SIGKILL': { start, end: byTreeKill('SIGKILL') },
}

interface Figures {
  /** Ms until all were dead; `NaN` when they were not within eight times the grace. */
  readonly dead: number
  /** Ms until it said that it was done. */
  readonly told: number
  readonly left: number
}

async function play(way: Way, root: Tree): Promise<Figures> {
  const marker = newMarker()
  try {
    const { child, pids } = await stand(
      way.start(wordsFor(root), { ...process.env, ...environmentFor(marker) }),
      root,
      marker,
    )
    const from = performance.now()
    let told = Number.NaN
    void way.end(child).then(() => {
      told = performance.now() - from
    })
    const passed = () => performance.now() - from
    while (living(pids).length > 0 && passed() < grace * 8) await sleep(2)
    const dead = living(pids).length > 0 ? Number.NaN : passed()
    while (Number.isNaN(told) && passed() < grace * 8) await sleep(2)
    return { dead, told, left: marked(marker).length }
  } finally {
    await fell(marker)
  }
}

/** Prints the cells of a line of a table. */
function line(...cells: readonly string[]): void {
  console.log(`| ${cells.join(' | ')} |`)
}

const ms = (figures: readonly number[]) => (figures.some(Number.isNaN) ? 'never' : `${median(figures).toFixed(0)} ms`)

console.log(`Node ${process.version}, ${availableParallelism()} processors, ${(totalmem() / 2 ** 30).toFixed(0)} GiB`)
console.log(`grace ${grace} ms, median of ${rounds}: all dead after · it says so after · left alive\n`)
line('', ...Object.keys(ways))
line('---', ...Object.keys(ways).map(() => '---'))
for (const [title, root] of Object.entries(trees)) {
  const cells: string[] = []
  for (const way of Object.values(ways)) {
    const played: Figures[] = []
    for (let round = 0; round < rounds; round += 1) played.push(await play(way, root))
    const left = Math.max(...played.map((each) => each.left))
    cells.push(`${ms(played.map((each) => each.dead))} · ${ms(played.map((each) => each.told))} · ${left}`)
  }
  line(title, ...cells)
}
