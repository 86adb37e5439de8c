// Trivial calls over one thread: ours beside a bare port and the pools that people use, in rounds that take turns, so
// that each ratio is of figures of the same moments. And the queue of calls that wait, beside p-queue.
import PQueue from 'p-queue'
import { CallQueue } from '../../src/thread/bridge/call-queue.ts'
import { PendingCall } from '../../src/thread/bridge/pending-call.ts'
import { type Way, WIDTH, ways } from './bridge/ways.ts'
import { assigned, measure, median, row } from './processes.ts'

type Name = keyof typeof ways

const names = Object.keys(ways) as Name[]
const pools = ['piscina', 'tinypool', 'workerpool', 'jest-worker', 'poolifier'] as const

/** Calls each second. */
async function rateOf(way: Way, count: number, width: number): Promise<number> {
  const from = performance.now()
  let left = count
  const caller = async (): Promise<void> => {
    while (left > 0) {
      left -= 1
      const n = left
      if ((await way(n)) !== n + 1) throw new Error('a wrong answer')
    }
  }
  await Promise.all(Array.from({ length: width }, caller))
  return (count / (performance.now() - from)) * 1_000
}

/** The rate of each way, `rate.<name>`, and how many times that ours is, `to.<name>`. */
async function compare(count: number, width: number): Promise<Record<string, number>> {
  const made = names.map((name) => [name, ways[name]()] as const)
  const rounds = 9
  const rates = new Map<Name, number[]>(names.map((name) => [name, []]))
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, way] of made) {
      const rate = await rateOf(way, count, width)
      // The first rounds are the compiler's.
      if (round >= 3) rates.get(name)?.push(rate)
    }
  }
  const own = rates.get('ours') ?? []
  return Object.fromEntries(
    [...rates].flatMap(([name, theirs]) => [
      [`rate.${name}`, median(theirs)],
      [`to.${name}`, median(theirs.map((rate, at) => (own[at] ?? Number.NaN) / rate))],
    ]),
  )
}

/** Nanoseconds to add a thousand trivial tasks and to have them all run, for each. */
async function queue(): Promise<Record<string, number>> {
  const count = 1_000
  const times = { equal: [] as number[], mixed: [] as number[], pEqual: [] as number[], pMixed: [] as number[] }
  const priorityOf = { equal: () => 0, mixed: (at: number) => (at * 7) % 10 }
  for (let turn = 0; turn < 60; turn += 1) {
    for (const [how, priority] of Object.entries(priorityOf)) {
      const from = performance.now()
      await ownQueue(count, priority)
      const middle = performance.now()
      await theirQueue(count, priority)
      const end = performance.now()
      if (turn < 20) continue
      times[how === 'equal' ? 'equal' : 'mixed'].push(((middle - from) / count) * 1e6)
      times[how === 'equal' ? 'pEqual' : 'pMixed'].push(((end - middle) / count) * 1e6)
    }
  }
  return Object.fromEntries(Object.entries(times).map(([name, all]) => [name, median(all)]))
}

async function ownQueue(count: number, priority: (at: number) => number): Promise<void> {
  const calls = new CallQueue()
  const promises: Promise<unknown>[] = []
  for (let at = 0; at < count; at += 1)
    promises.push(
      new Promise((resolve, reject) => calls.push(new PendingCall(at, 'inc', [at], priority(at), 0, resolve, reject))),
    )
  for (let call = calls.shift(); call !== undefined; call = calls.shift()) call.resolve((call.args[0] as number) + 1)
  await Promise.all(promises)
}

async function theirQueue(count: number, priority: (at: number) => number): Promise<void> {
  const tasks = new PQueue({ concurrency: 1, autoStart: false })
  const promises: Promise<unknown>[] = []
  for (let at = 0; at < count; at += 1) promises.push(tasks.add(() => at + 1, { priority: priority(at) }))
  tasks.start()
  await Promise.all(promises)
}

/** Prints what ours is of another: a bar that must be reached. */
function ratio(what: string, figure: number, bar: number): void {
  const verdict = figure >= bar ? 'held' : 'MISSED'
  console.log(`${what.padEnd(62)}${`${figure.toFixed(2)} ×`.padStart(12)}   bar ${bar} ×: ${verdict}`)
}

if (assigned === 'queue') console.log(JSON.stringify(await queue()))
else if (assigned === 'many') console.log(JSON.stringify(await compare(5_000, WIDTH)))
else if (assigned === 'single') console.log(JSON.stringify(await compare(500, 1)))
else {
  const many = measure(import.meta.filename, 'many')
  for (const name of names) row(`${name}, ${WIDTH} outstanding`, many[`rate.${name}`] ?? 0, '/s')
  ratio('ours to a bare port', many['to.a bare port'] ?? 0, 1)
  for (const name of pools) ratio(`ours to ${name}`, many[`to.${name}`] ?? 0, 2)
  const single = measure(import.meta.filename, 'single')
  for (const name of names) row(`${name}, one by one`, single[`rate.${name}`] ?? 0, '/s')
  for (const name of ['a bare port', ...pools]) ratio(`ours to ${name}`, single[`to.${name}`] ?? 0, 0.85)
  const waiting = measure(import.meta.filename, 'queue')
  row('our queue, a call added and taken', waiting['equal'] ?? 0, 'ns')
  row('p-queue, a task added and run', waiting['pEqual'] ?? 0, 'ns')
  row('ratio', (waiting['equal'] ?? 0) / (waiting['pEqual'] ?? 0), '×', 1)
  row('our queue, ten priorities', waiting['mixed'] ?? 0, 'ns')
  row('p-queue, ten priorities', waiting['pMixed'] ?? 0, 'ns')
  row('ratio', (waiting['mixed'] ?? 0) / (waiting['pMixed'] ?? 0), '×', 1)
}
// The threads serve until somebody ends them.
process.exit()
