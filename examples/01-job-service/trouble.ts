/**
 * Three mistakes to choose from, for `node demo.ts --hang=database`, `--block=pricing` or `--hang=worker`: a step that
 * waits for ever, deaf to its signal, one that never gives the event loop back, and a call that never gives its thread
 * back.
 */
import { setTimeout as sleep } from 'node:timers/promises'

const arguments_ = process.argv.slice(2)

/** Whether that mistake is to be made. */
export function isOrdered(mistake: string): boolean {
  return arguments_.includes(mistake)
}

/** The work of a step, or the mistake that was ordered in its place. */
export function troubled<T>(step: string, work: () => T): () => T | Promise<T> {
  if (isOrdered(`--hang=${step}`)) return () => hang()
  if (isOrdered(`--block=${step}`)) return () => block()
  return work
}

async function hang(): Promise<never> {
  await sleep(60_000)
  throw new Error('nobody has waited that long')
}

function block(): never {
  for (;;);
}
