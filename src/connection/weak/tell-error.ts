import type { Voice } from '../../lifecycle/voice.ts'

/** Tells of what a callback of the user's threw. Where nobody listens it becomes an uncaught exception, and not nothing. */
export function tellError(voice: Voice, error: unknown): void {
  if (voice.isHeard('resource.error')) return voice.tell('resource.error', { error })
  process.nextTick(() => {
    throw error
  })
}
