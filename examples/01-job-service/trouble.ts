/**
 * Two mistakes to choose from, for `node demo.ts --hang=database` or `--block=pricing`: a step that waits for ever, deaf
 * to its signal, and one that never gives the event loop back.
 */
import { setTimeout as sleep } from 'node:timers/promises'

const arguments_ = process.argv.slice(2)

/** The work of a step, or the mistake that was ordered in its place. */
export function troubled<T>(step: string, work: () => T): () => T | Promise<T> {
  if (arguments_.includes(`--hang=${step}`)) return () => hang()
  if (arguments_.includes(`--block=${step}`)) return () => block()
  return work
}

async function hang(): Promise<never> {
  await sleep(60_000)
  throw new Error('nobody has waited that long')
}

function block(): never {
  for (;;);
}
