import { inspect } from '../../lifecycle/inspect.ts'
import type { PendingCall } from './pending-call.ts'

const BRIEF = { depth: 0, breakLength: Number.POSITIVE_INFINITY, maxStringLength: 40, maxArrayLength: 3 }

/** A call in a few words, such as `hash("a.txt")`. */
export function workText({ method, args }: PendingCall): string {
  return `${method}(${args.map((arg) => inspect(arg, BRIEF)).join(', ')})`
}
