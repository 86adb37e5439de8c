/**
 * The watchdog's thread: a program for a worker of the {@link Watchdog}. It sleeps until a deadline has passed. If the
 * main thread's event loop is blocked then, it stops it, tells what blocks it, and has it say its last words and exit.
 */
import { setFlagsFromString } from 'node:v8'
import { threadId, workerData } from 'node:worker_threads'
import { systemClock } from '../lifecycle/clock.ts'
import { say } from '../lifecycle/say.ts'
import { Arrest, pass } from './arrest.ts'
import { tellBlock } from './block.ts'
import { callLastWords } from './last-words.ts'
import { type Order, WatchdogMemory } from './memory.ts'
import { Patience } from './patience.ts'
import { Pulse } from './pulse.ts'

/** What the main thread gives the watchdog's on the way. */
export interface ThreadData {
  readonly buffer: SharedArrayBuffer
  readonly slack: number
}

/** How many ms the main thread gets for its last words and its exit. */
const LAST_WORDS = 1_000
/** How often, in ms, it is looked whether a process that has been told to go is still there. */
const LOOK = 50

const { buffer, slack } = workerData as ThreadData
const memory = new WatchdogMemory(buffer)
const pulse = new Pulse(slack)

for (let version = -1; ; ) {
  const order = memory.read()
  const now = systemClock.now()
  if (order.version !== version) pulse.follow(now + order.left)
  version = order.version
  const { beats } = memory
  const sleep = pulse.look(now, beats)
  if (sleep > 0) memory.sleep(version, sleep)
  else await endBlocked(order, () => memory.beats !== beats || memory.version !== order.version)
}

/** Ends the process, unless the main thread moves after all or somebody debugs it. */
async function endBlocked(order: Order, moves: () => boolean): Promise<void> {
  const { path, budget, ms } = order
  const arrest = new Arrest(moves)
  const frames = await arrest.make()
  if (frames === 'moves') return
  if (frames === 'debugged') {
    say(`endswell: the deadline of ${path} (${budget}, ${ms} ms) has passed, but a debugger has stopped the program\n`)
    return pulse.rest()
  }
  if (frames === 'native') {
    const where = 'in native code, where it cannot be stopped: it is killed'
    say(`endswell: the event loop is blocked past the deadline of ${path} (${budget}, ${ms} ms) ${where}\n`)
    return kill()
  }
  const block = { path, budget, ms, frames }
  say(tellBlock(block))
  arrest.run(callLastWords(threadId, block))
  for (const patience = new Patience(LAST_WORDS); patience.left > 0; ) await pass(LOOK, patience)
  say('endswell: the last words did not end: the process is killed\n')
  kill()
}

function kill(): void {
  process.kill(process.pid, 'SIGKILL')
  // Only the first process of a container is still here: its system ignores what it sends to itself, and a worker cannot
  // abort. But a trap of the processor is heeded.
  setFlagsFromString('--allow-natives-syntax')
  new Function('%SystemBreak()')()
}
