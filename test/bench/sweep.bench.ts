// A sweep of 20 000 files of which half are too old, beside the same by hand: read the folder, look at eight files at
// once, remove what is old; and how long the event loop is held up meanwhile.
import { lutimesSync, mkdtempSync, promises, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { RetentionSweeper } from 'endswell/disk'
import { assigned, measure, row } from './processes.ts'

const week = 604_800_000
const count = 20_000

async function byHand(root: string): Promise<number> {
  const names = await promises.readdir(root)
  const limit = Date.now() - week
  let at = 0
  let removed = 0
  const work = async (): Promise<void> => {
    while (at < names.length) {
      const path = join(root, names[at++] ?? '')
      const { mtimeMs } = await promises.lstat(path)
      if (mtimeMs > limit) continue
      await promises.unlink(path)
      removed += 1
    }
  }
  await Promise.all(Array.from({ length: 8 }, work))
  return removed
}

async function ours(root: string): Promise<number> {
  await using sweeper = new RetentionSweeper({ root, rules: [{ match: 'job_*.log' }] })
  const { removed } = await sweeper.sweep()
  return removed
}

/** How many ms it takes in a folder of its own, and for how many at most the loop did not turn. */
async function play(sweep: (root: string) => Promise<number>, share: number): Promise<{ ms: number; delay: number }> {
  const root = mkdtempSync(join(tmpdir(), 'endswell-'))
  const old = Date.now() / 1_000 - 8 * 86_400
  for (let at = 0; at < count; at += 1) {
    const path = join(root, `job_${at}.log`)
    writeFileSync(path, 'x')
    if (at % 100 < share * 100) lutimesSync(path, old, old)
  }
  globalThis.gc?.()
  const delays = monitorEventLoopDelay({ resolution: 1 })
  delays.enable()
  const from = performance.now()
  const removed = await sweep(root)
  const ms = performance.now() - from
  delays.disable()
  if (removed !== count * share) throw new Error(`${removed} of ${count} were removed`)
  rmSync(root, { recursive: true })
  return { ms, delay: delays.max / 1e6 }
}

if (assigned === 'sweep') {
  // The first is the compiler's.
  await play(ours, 0.5)
  const [look, hand, own] = [await play(ours, 0), await play(byHand, 0.5), await play(ours, 0.5)]
  console.log(
    JSON.stringify({ look: look.ms, byHand: hand.ms, ours: own.ms, delay: own.delay, ratio: own.ms / hand.ms }),
  )
} else {
  const figures = measure(import.meta.filename, 'sweep')
  row('20 000 files, none too old', figures['look'] ?? 0, 'ms')
  row('20 000 files, 10 000 too old, by hand', figures['byHand'] ?? 0, 'ms')
  row('20 000 files, 10 000 too old, ours', figures['ours'] ?? 0, 'ms', 500)
  row('ratio', figures['ratio'] ?? 0, '×')
  row('how long the event loop is held up at most', figures['delay'] ?? 0, 'ms', 20)
}
