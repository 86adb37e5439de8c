// A timeout around work that settles at once, beside the same by hand, beside p-timeout, and beside what one would
// write without a library; what a wait weighs while it lasts; and what is left of waits that are over.
import { getEventListeners } from 'node:events'
import { withTimeout } from 'endswell'
import pTimeout from 'p-timeout'
import { assigned, measure, median, row } from './processes.ts'

const limit = 30_000
const work = async (): Promise<number> => 1
const parent = new AbortController()

/** What everybody writes by hand: one promise and one timer. */
function byHand(fn: () => Promise<number>): Promise<number> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('time is up')), limit)
    fn().then(
      (value) => {
        clearTimeout(timer)
        resolve(value)
      },
      (error) => {
        clearTimeout(timer)
        reject(error)
      },
    )
  })
}

function byRace(fn: () => Promise<number>): Promise<number> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('time is up')), limit)
  })
  return Promise.race([fn(), late]).finally(() => clearTimeout(timer))
}

async function byAny(fn: () => Promise<number>): Promise<number> {
  const signal = AbortSignal.any([parent.signal, AbortSignal.timeout(limit)])
  signal.throwIfAborted()
  return await fn()
}

/** Each of these cleans up after itself; what leaves its timers behind is measured apart. */
const ways = {
  bare: () => work(),
  byHand: () => byHand(work),
  ours: () => withTimeout(work, { timeout: limit, name: 'work' }),
  linked: () => withTimeout(work, { timeout: limit, name: 'work', signal: parent.signal }),
  read: () => withTimeout(({ signal }) => (signal.aborted ? work() : work()), { timeout: limit, name: 'work' }),
  race: () => byRace(work),
  pTimeout: () => pTimeout(work(), { milliseconds: limit }),
}

/** Nanoseconds for each, turn by turn. */
async function time(ways: Readonly<Record<string, () => Promise<number>>>): Promise<Record<string, number>> {
  const times = new Map<string, number[]>(Object.keys(ways).map((name) => [name, []]))
  const count = 10_000
  for (let turn = 0; turn < 12; turn += 1) {
    for (const [name, way] of Object.entries(ways)) {
      const from = performance.now()
      for (let at = 0; at < count; at += 1) await way()
      // The first turns are the compiler's.
      if (turn >= 3) times.get(name)?.push(((performance.now() - from) / count) * 1e6)
    }
  }
  const figures = Object.fromEntries([...times].map(([name, all]) => [name, median(all)]))
  const { ours = Number.NaN, byHand: own = Number.NaN, pTimeout: theirs = Number.NaN } = figures
  return { ...figures, toOwn: ours / own, toTheirs: ours / theirs }
}

/** Bytes of each of 100 000 that wait. */
async function weigh(): Promise<Record<string, number>> {
  const figures: Record<string, number> = {}
  const held: unknown[] = []
  const hang = (): Promise<number> => new Promise((resolve) => held.push(resolve))
  const count = 100_000
  for (const [name, way] of [
    ['byHand', () => byHand(hang)],
    ['ours', () => withTimeout(hang, { timeout: limit, name: 'work' })],
    ['pTimeout', () => pTimeout(hang(), { milliseconds: limit })],
  ] as const) {
    const before = used()
    for (let at = 0; at < count; at += 1) held.push(way())
    figures[name] = (used() - before) / count
  }
  return figures
}

function used(): number {
  globalThis.gc?.()
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

/** What is left of 100 000 waits off one signal that lives on: some bring a value, some fail, some run out of time. */
async function keep(): Promise<Record<string, number>> {
  const play = async (count: number): Promise<void> => {
    const waits: Promise<unknown>[] = []
    for (let at = 0; at < count; at += 1) {
      const fn = [work, () => Promise.reject(at), () => new Promise<never>(() => {})][at % 3] ?? work
      const options = { timeout: at % 3 === 2 ? 1 : limit, signal: parent.signal }
      waits.push(withTimeout(({ signal }) => (signal.aborted ? 0 : fn()), options).catch(() => {}))
      if (waits.length === 1_000) await Promise.all(waits.splice(0))
    }
    await Promise.all(waits)
  }
  await play(30_000)
  const before = used()
  await play(100_000)
  const bytes = (used() - before) / 100_000
  return { bytes, listeners: getEventListeners(parent.signal, 'abort').length }
}

if (assigned === 'time') console.log(JSON.stringify(await time(ways)))
else if (assigned === 'any') console.log(JSON.stringify(await time({ any: () => byAny(work) })))
else if (assigned === 'weigh') console.log(JSON.stringify(await weigh()))
else if (assigned === 'keep') console.log(JSON.stringify(await keep()))
else {
  const figures = measure(import.meta.filename, 'time')
  row('work by itself', figures['bare'] ?? 0, 'ns')
  row('with one promise and one timer by hand', figures['byHand'] ?? 0, 'ns')
  row('with Promise.race', figures['race'] ?? 0, 'ns')
  row('with AbortSignal.any and AbortSignal.timeout', measure(import.meta.filename, 'any')['any'] ?? 0, 'ns')
  row('with p-timeout', figures['pTimeout'] ?? 0, 'ns')
  row('ours', figures['ours'] ?? 0, 'ns')
  row('ours, linked to an outer signal', figures['linked'] ?? 0, 'ns')
  row('ours, where the work reads its signal', figures['read'] ?? 0, 'ns')
  row('ratio, by hand', figures['toOwn'] ?? 0, '×', 2)
  row('ratio, p-timeout', figures['toTheirs'] ?? 0, '×', 0.2)
  const weights = measure(import.meta.filename, 'weigh')
  row('weight while it lasts, by hand', weights['byHand'] ?? 0, 'B')
  row('p-timeout', weights['pTimeout'] ?? 0, 'B')
  row('ours', weights['ours'] ?? 0, 'B', 1_100)
  const left = measure(import.meta.filename, 'keep')
  row('what is left of each when it is over', left['bytes'] ?? 0, 'B', 16)
  row('listeners left on the outer signal', left['listeners'] ?? 0, '', 0)
}
// Timers that still wait are nobody's affair any more.
process.exit()
