import type { Voice } from '../../lifecycle/voice.ts'
import { outcry } from '../ending/outcry.ts'

/** Calls a function of the user's, whose errors are told and break nothing. */
export function guarded(voice: Voice, call: () => unknown): void {
  try {
    call()
  } catch (error) {
    outcry(voice, error)
  }
}
