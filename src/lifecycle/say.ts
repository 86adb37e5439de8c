import { builtin } from './builtin.ts'

const STDERR = 2
/** How many ms a pipe that is full gets until somebody has read from it, and how often that is looked at. */
const FULL = 200
const LOOK = 10

/**
 * Writes to standard error in step, past Node's streams: those belong to the main thread, which is blocked.
 *
 * A pipe that nobody reads would block the writer too, and the watchdog must not be. So a pipe is opened once more,
 * where the system can, for writing without waiting; what does not find room in 0.2 s is lost.
 */
export function say(text: string): void {
  const { closeSync } = builtin('node:fs')
  let own: number | undefined
  try {
    own = openAgain()
    write(own ?? STDERR, text)
  } catch {
    // Standard error is closed or full, and there is nobody left to tell.
  } finally {
    if (own !== undefined) closeSync(own)
  }
}

function openAgain(): number | undefined {
  const { constants, fstatSync, openSync } = builtin('node:fs')
  if (!fstatSync(STDERR).isFIFO()) return undefined
  try {
    return openSync(`/dev/fd/${STDERR}`, constants.O_WRONLY | constants.O_NONBLOCK)
  } catch {
    return undefined
  }
}

function write(fd: number, text: string): void {
  const { writeSync } = builtin('node:fs')
  let rest = Buffer.from(text)
  for (let waited = 0; rest.length > 0; ) {
    try {
      rest = rest.subarray(writeSync(fd, rest))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || waited >= FULL) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK)
      waited += LOOK
    }
  }
}
