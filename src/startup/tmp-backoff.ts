import type { Clock } from '../lifecycle/clock.ts'
export interface BackoffOptions {
  first?: number
  max?: number
  factor?: number
  jitter?: number
}
export function checkBackoff(_name: string, _o: BackoffOptions): void {}
export class Backoff {
  next() {
    return 100
  }
}
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((r, j) => {
    const t = clock.setTimeout(r, ms)
    signal.addEventListener('abort', () => {
      clock.clearTimeout(t)
      j(signal.reason)
    })
  })
}
