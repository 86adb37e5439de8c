/**
 * The program of a job, of every temper: `node job.ts <kind> <directory> <log>`. It notes its pid, writes to its log,
 * and prints `ready` and then how far it is. One that should run for long ends by itself all the same, if it is forgotten.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const [kind = '', directory = '', log = ''] = process.argv.slice(2)

/** Writes a bit, says so, and waits, until it is through. By now signals are heeded, or not, as they should. */
async function work(steps: number): Promise<void> {
  process.stdout.write('ready\n')
  for (let step = 1; step <= steps; step += 1) {
    appendFileSync(log, `${kind}: ${step} of ${steps}\n`.repeat(100))
    if (step % Math.ceil(steps / 20) === 0) process.stdout.write(`${Math.round((100 * step) / steps)} %\n`)
    await sleep(20)
  }
}

const LONG = 1_500

const kinds: Readonly<Record<string, () => unknown>> = {
  /** Is through soon. */
  quick: () => work(5),
  /** Exits with an error. */
  fails: () => process.exit(3),
  /** Works for long, and says goodbye to SIGTERM. */
  slow() {
    process.on('SIGTERM', () => {
      appendFileSync(log, 'to be continued\n')
      process.exit()
    })
    return work(LONG)
  },
  /** Works for long, and will not be told to end. */
  stubborn() {
    process.on('SIGTERM', () => process.stdout.write('SIGTERM? Not before I am through.\n'))
    return work(LONG)
  },
  /** Works for long, and so does a stubborn process that it has started. */
  async family() {
    await startChild()
    return work(LONG)
  },
  /** Is through soon, and leaves a stubborn process behind. */
  async litter() {
    await work(1)
    await startChild()
  },
}

async function startChild(): Promise<void> {
  const child = spawn(process.execPath, [import.meta.filename, 'stubborn', directory, log], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  await once(child.stdout, 'data')
  child.stdout.destroy()
  child.unref()
}

// Nobody reads the child's progress any more.
process.stdout.on('error', () => {})
appendFileSync(join(directory, 'pids'), `${process.pid}\n`)
await kinds[kind]?.()
