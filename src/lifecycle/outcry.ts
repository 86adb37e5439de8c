import type { Voice } from './voice.ts'

/**
 * Tells what a function of the user's threw. It breaks nothing here; but where nobody listens it is not lost either: then
 * it is an uncaught exception, as what a listener throws is.
 */
export function outcry(voice: Voice, error: unknown): void {
  if (voice.isHeard('resource.error')) return voice.tell('resource.error', { error })
  process.nextTick(() => {
    throw error
  })
}

/** Calls a function of the user's, whose errors are told and break nothing. */
export function guarded(voice: Voice, call: () => unknown): void {
  try {
    call()
  } catch (error) {
    outcry(voice, error)
  }
}
