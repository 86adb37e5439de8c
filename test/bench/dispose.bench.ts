// `defer` and `disposeAsync` of 100 000 callbacks beside the engine's own stack, turn by turn in one process; the same
// with `close()`; a million of them; and what each weighs.
import { Lifecycle } from 'endswell'
import { assigned, measure, median, row } from './processes.ts'

interface Stack {
  defer(callback: () => void): void
  disposeAsync(): Promise<unknown>
}
const makeNative = (): Stack => new AsyncDisposableStack()
const makeOurs = (): Lifecycle => new Lifecycle({ leaks: 'off' })
const sink = { sum: 0 }

/** A callback of its own, which does what no compiler can leave out. */
function adding(number: number): () => void {
  return () => {
    sink.sum += number
  }
}

/** Nanoseconds for each callback, registering and ending together. */
async function time<S>(
  make: () => S,
  fill: (stack: S) => void,
  end: (stack: S) => Promise<unknown>,
  count: number,
): Promise<number> {
  const stack = make()
  const from = performance.now()
  fill(stack)
  await end(stack)
  return ((performance.now() - from) / count) * 1e6
}

async function compare(count: number, turns: number): Promise<Record<string, number>> {
  const callbacks = Array.from({ length: count }, (_, at) => adding(at))
  const fill = (stack: { defer(callback: () => void): void }): void => {
    for (const callback of callbacks) stack.defer(callback)
  }
  const times = { native: [] as number[], ours: [] as number[], close: [] as number[] }
  for (let turn = 0; turn < turns; turn += 1) {
    times.native.push(await time(makeNative, fill, (stack) => stack.disposeAsync(), count))
    times.ours.push(await time(makeOurs, fill, (stack) => stack.disposeAsync(), count))
    times.close.push(await time(makeOurs, fill, (stack) => stack.close(), count))
  }
  const [native, ours, close] = [times.native, times.ours, times.close].map(median) as [number, number, number]
  return { native, ours, close, ratio: ours / native, closeRatio: close / native }
}

async function grow(): Promise<Record<string, number>> {
  const figures: Record<string, number> = {}
  for (const [name, register] of [
    ['plain', (life: Lifecycle, each: object) => life.defer(each as () => void)],
    ['indexed', (life: Lifecycle, each: object) => life.use(each as Disposable)],
  ] as const) {
    const sizes = [100_000, 1_000_000].map((count) => ({
      count,
      each: Array.from({ length: count }, () => resource(name)),
    }))
    const found = new Map<number, number[]>(sizes.map(({ count }) => [count, []]))
    for (let turn = 0; turn < 7; turn += 1) {
      for (const { count, each } of sizes) {
        const fill = (life: Lifecycle): void => each.forEach((one) => void register(life, one))
        globalThis.gc?.()
        found.get(count)?.push(await time(makeOurs, fill, (life) => life.disposeAsync(), count))
      }
    }
    const [small = [], large = []] = [...found.values()]
    figures[name] = median(large) / median(small)
  }
  return figures
}

function resource(name: string): object {
  return name === 'plain' ? adding(1) : { [Symbol.dispose]: adding(1) }
}

async function weigh(): Promise<Record<string, number>> {
  const count = 100_000
  const life = makeOurs()
  globalThis.gc?.()
  const before = process.memoryUsage().heapUsed
  for (let at = 0; at < count; at += 1) life.defer(adding(at))
  globalThis.gc?.()
  const bytes = (process.memoryUsage().heapUsed - before) / count
  await life.disposeAsync()
  return { bytes }
}

if (assigned === 'compare') console.log(JSON.stringify(await compare(100_000, 11)))
else if (assigned === 'grow') console.log(JSON.stringify(await grow()))
else if (assigned === 'weigh') console.log(JSON.stringify(await weigh()))
else {
  const { native = 0, ours = 0, close = 0, ratio = 0, closeRatio = 0 } = measure(import.meta.filename, 'compare')
  row('native defer + disposeAsync, 100 000 callbacks, each', native, 'ns')
  row('ours', ours, 'ns')
  row('ours, close() with its report', close, 'ns')
  row('ratio, disposeAsync', ratio, '×', 1)
  row('ratio, close()', closeRatio, '×', 2)
  const { plain = 0, indexed = 0 } = measure(import.meta.filename, 'grow')
  row('each of 1 000 000 against each of 100 000', plain, '×', 1.3)
  row('the same where values are indexed', indexed, '×', 1.6)
  row('weight of each, its closure included', measure(import.meta.filename, 'weigh')['bytes'] ?? 0, 'B', 220)
}
