// Tasks that end at once, through a queue: beside p-queue alone, and beside p-queue with a timeout, which is what a task
// queue gives each task, besides a signal and a slot that is kept until the work has settled.
import { TaskQueue } from 'endswell/bounded'
import PQueue from 'p-queue'
import { assigned, measure, row } from './processes.ts'

const work = async (): Promise<number> => 1
const timeout = 30_000
const concurrency = 10
const batch = 2_000

const ways = {
  ours: () => {
    const tasks = new TaskQueue({ concurrency, maxQueued: batch, timeout })
    return () => tasks.add(work)
  },
  bare: () => {
    const queue = new PQueue({ concurrency })
    return () => queue.add(work)
  },
  timed: () => {
    const queue = new PQueue({ concurrency, timeout })
    return () => queue.add(work)
  },
}

/** Microseconds for each, turn by turn. */
async function time(): Promise<Record<string, number>> {
  const times = new Map<string, number[]>(Object.keys(ways).map((name) => [name, []]))
  for (let turn = 0; turn < 12; turn += 1) {
    for (const [name, way] of Object.entries(ways)) {
      const add = way()
      const from = performance.now()
      await Promise.all(Array.from({ length: batch }, add))
      if (turn > 3) times.get(name)?.push(((performance.now() - from) * 1_000) / batch)
    }
  }
  return Object.fromEntries(
    [...times].map(([name, all]) => [name, all.toSorted((a, b) => a - b)[all.length >> 1] ?? 0]),
  )
}

if (assigned !== undefined) {
  console.log(JSON.stringify(await time()))
} else {
  const { ours = 0, bare = 0, timed = 0 } = measure(import.meta.filename, 'tasks')
  row('a task, all waiting behind ten slots', ours, 'µs')
  row('  the same by p-queue alone', bare, 'µs')
  row('  the same by p-queue with a timeout', timed, 'µs')
  row('ours against p-queue with a timeout', ours / timed, '×', 1.5)
}
