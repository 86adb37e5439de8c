import { builtin } from '../../lifecycle/builtin.ts'

/** A tick of the older of the two clocks, in ms. */
const TICK = 10

/**
 * How many ms of a processor a thread has used or stood in line for, as Linux counts them; `undefined` where nobody does,
 * or the thread is gone. A thread that spins on a machine that is overloaded stands in line: it must not look idle.
 */
export function cpuOf(kernelId: number): number | undefined {
  if (kernelId === 0) return undefined
  const [used, waited] = (read(kernelId, 'schedstat') ?? '').split(' ').map(Number)
  if (used !== undefined && waited !== undefined) return (used + waited) / 1e6
  // A kernel without that one counts in ticks. In front of the last `)` stands the thread's name, whatever is in it.
  const fields = read(kernelId, 'stat')?.split(')').at(-1)?.trim().split(' ')
  return fields === undefined ? undefined : (Number(fields[11]) + Number(fields[12])) * TICK
}

/** How often a thread has gone to sleep of itself, to wait for something; `undefined` where nobody counts. */
export function sleepsOf(kernelId: number): number | undefined {
  if (kernelId === 0) return undefined
  const [, count] = /^voluntary_ctxt_switches:\s+(\d+)/m.exec(read(kernelId, 'status') ?? '') ?? []
  return count === undefined ? undefined : Number(count)
}

/** Whether a thread runs, or would if a core were free: what it then has used is only counted when it has run. */
export function isRunnable(kernelId: number): boolean {
  return kernelId !== 0 && /^State:\s+R/m.test(read(kernelId, 'status') ?? '')
}

/** Whether a thread of that number lives; `undefined` where nobody knows. */
export function livesInKernel(kernelId: number): boolean | undefined {
  return kernelId === 0 ? undefined : builtin('node:fs').existsSync(`/proc/self/task/${kernelId}`)
}

function read(kernelId: number, file: string): string | undefined {
  try {
    return builtin('node:fs').readFileSync(`/proc/self/task/${kernelId}/${file}`, 'latin1')
  } catch {
    return undefined
  }
}
