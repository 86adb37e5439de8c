// A connection lent and given back, beside generic-pool and tarn: by one task alone, and by 50 that share 10 connections.
// All play in turn in one process, so that what slows the machine down slows all of them.
import { ConnectionPool } from 'endswell/connection'
import genericPool from 'generic-pool'
import { Pool as TarnPool } from 'tarn'
import { assigned, measure, median, row } from './processes.ts'

const MAX = 10
const TASKS = 50
const COUNT = 20_000

/** A turn of each: takes a connection and gives it back. */
interface Way {
  once(): Promise<void>
}

const create = async (): Promise<object> => ({})

function ours(): Way {
  const pool = new ConnectionPool({ create, destroy: () => {}, max: MAX })
  return {
    async once() {
      const lease = await pool.acquire()
      lease.release()
    },
  }
}

function generic(): Way {
  const pool = genericPool.createPool({ create, destroy: async () => {} }, { max: MAX })
  return {
    async once() {
      const value = await pool.acquire()
      // Its promise is not waited for: that would be a turn more than the others take.
      pool.release(value)
    },
  }
}

function tarn(): Way {
  const pool = new TarnPool({ create, destroy: () => {}, min: 0, max: MAX })
  return {
    async once() {
      const value = await pool.acquire().promise
      pool.release(value)
    },
  }
}

async function alone({ once }: Way): Promise<number> {
  const from = performance.now()
  for (let at = 0; at < COUNT; at += 1) await once()
  return ((performance.now() - from) / COUNT) * 1e6
}

async function together({ once }: Way): Promise<number> {
  const task = async (): Promise<void> => {
    for (let at = 0; at < COUNT / TASKS; at += 1) await once()
  }
  const from = performance.now()
  await Promise.all(Array.from({ length: TASKS }, task))
  return ((performance.now() - from) / COUNT) * 1e6
}

async function time(play: (way: Way) => Promise<number>): Promise<Record<string, number>> {
  const ways = { ours: ours(), generic: generic(), tarn: tarn() }
  const times = new Map<string, number[]>(Object.keys(ways).map((name) => [name, []]))
  for (let turn = 0; turn < 15; turn += 1) {
    for (const [name, way] of Object.entries(ways)) {
      const ns = await play(way)
      // The first turns are the compiler's.
      if (turn >= 4) times.get(name)?.push(ns)
    }
  }
  const figures = Object.fromEntries([...times].map(([name, all]) => [name, median(all)]))
  const { ours: own = Number.NaN, generic: one = Number.NaN, tarn: other = Number.NaN } = figures
  return { ...figures, toGeneric: own / one, toTarn: own / other }
}

function show(title: string, what: string): void {
  const figures = measure(import.meta.filename, what)
  row(`${title}, generic-pool`, figures['generic'] ?? 0, 'ns')
  row(`${title}, tarn`, figures['tarn'] ?? 0, 'ns')
  row(`${title}, ours`, figures['ours'] ?? 0, 'ns', 500)
  row('ratio, generic-pool', figures['toGeneric'] ?? 0, '×', 0.6)
  row('ratio, tarn', figures['toTarn'] ?? 0, '×', 0.25)
}

if (assigned === 'alone') console.log(JSON.stringify(await time(alone)))
else if (assigned === 'together') console.log(JSON.stringify(await time(together)))
else {
  show('one task', 'alone')
  show(`${TASKS} tasks, ${MAX} connections`, 'together')
}
process.exit()
