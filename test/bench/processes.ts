// What the benchmarks share: figures are measured in several processes of their own, since how one process happens to
// be compiled and laid out in memory decides more than what is measured; the median of them counts.
import { spawnSync } from 'node:child_process'

/** The middle of some numbers. */
export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((one, other) => one - other)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

/** How many processes: 7, or 3 with `--short`. */
const rounds = process.argv.includes('--short') ? 3 : 7

/** Whether this process is one of those that measure; then which measurement it is to make. */
export const assigned = process.argv.find((arg) => arg.startsWith('--measure='))?.slice('--measure='.length)

/** Measures in processes of their own, and gives the median of each figure that they print as JSON. */
export function measure(file: string, what: string): Record<string, number> {
  const runs = Array.from({ length: rounds }, () => {
    const { stdout, status } = spawnSync(process.execPath, ['--expose-gc', file, `--measure=${what}`], {
      encoding: 'utf8',
    })
    if (status !== 0) throw new Error(`${what} ended with status ${status}`)
    return JSON.parse(stdout) as Record<string, number>
  })
  const names = Object.keys(runs[0] ?? {})
  return Object.fromEntries(names.map((name) => [name, median(runs.map((run) => run[name] ?? Number.NaN))]))
}

/** Prints a figure beside its bar. */
export function row(what: string, figure: number, unit: string, bar?: number): void {
  const shown = `${figure.toFixed(figure < 10 ? 2 : 0)} ${unit}`.padStart(12)
  const verdict = bar === undefined ? '' : `   bar ${bar} ${unit}: ${figure <= bar ? 'held' : 'MISSED'}`
  console.log(`${what.padEnd(62)}${shown}${verdict}`)
}
