// A scope that is opened and closed empty, as a quick request's is; and the release of one resource of a million.
import { Lifecycle } from 'endswell'
import { assigned, measure, median, row } from './processes.ts'

async function scopes(end: 'disposeAsync' | 'close'): Promise<number> {
  const life = new Lifecycle({ leaks: 'off' })
  const count = 200_000
  const times: number[] = []
  for (let turn = 0; turn < 7; turn += 1) {
    const from = performance.now()
    for (let at = 0; at < count; at += 1) await life.scope('request')[end]()
    times.push(((performance.now() - from) / count) * 1e6)
  }
  return median(times)
}

async function release(): Promise<number> {
  const life = new Lifecycle({ leaks: 'off' })
  const resources = Array.from({ length: 1_000_000 }, () => ({ [Symbol.dispose]() {} }))
  for (const each of resources) life.use(each)
  const from = performance.now()
  for (let at = 0; at < resources.length; at += 100) await life.release(resources[at] as Disposable)
  return ((performance.now() - from) / 10_000) * 1e3
}

if (assigned === undefined) {
  const { disposed = 0, closed = 0, released = 0 } = measure(import.meta.filename, 'all')
  row('a scope, opened and disposed of empty', disposed, 'ns', 1_000)
  row('a scope, opened and closed empty, with a report', closed, 'ns', 1_000)
  row('release of one of 1 000 000', released, 'µs', 10)
} else
  console.log(
    JSON.stringify({
      disposed: await scopes('disposeAsync'),
      closed: await scopes('close'),
      released: await release(),
    }),
  )
