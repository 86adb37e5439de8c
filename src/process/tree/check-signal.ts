import { builtin } from '../../lifecycle/builtin.ts'
import { outOfRange } from '../../lifecycle/check.ts'

/** Refuses anything but the name of a signal that this system has. */
export function checkSignal(name: string, signal: unknown): void {
  const { signals } = builtin('node:os').constants
  if (typeof signal === 'string' && Object.hasOwn(signals, signal)) return
  throw outOfRange(name, "a signal's name, such as SIGTERM", signal)
}
