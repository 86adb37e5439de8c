import type { Worker } from 'node:worker_threads'
import type { LastWords } from '../../lifecycle/last-words.ts'
import { hearLines } from '../../lifecycle/lines.ts'
import type { BridgeSettings } from './bridge-options.ts'

/**
 * Reads what a thread prints: its last lines are kept, and all of it goes where `output` says.
 *
 * The thread was started as one whose output Node pipes to ours, and what is not to go there is unpiped: where it is asked
 * for instead, with `stdout: true`, reading it keeps the process alive as long as the thread lives, `unref` or not.
 */
export function hearOutput(
  worker: Worker,
  words: LastWords,
  output: BridgeSettings['output'],
  failed: (error: unknown) => void,
): void {
  for (const from of ['stdout', 'stderr'] as const) {
    const hear = (line: string): void => {
      words.add(line)
      if (typeof output !== 'function') return
      try {
        output(line, from)
      } catch (error) {
        failed(error)
      }
    }
    if (output !== 'inherit') worker[from].unpipe()
    // What was unpiped is paused.
    hearLines(worker[from].resume(), hear)
    worker[from].on('error', failed)
  }
}
