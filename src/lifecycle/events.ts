import { type Channel, channel } from 'node:diagnostics_channel'
import type { LifecycleEvent } from './contract.ts'

type EventType = LifecycleEvent['type']

const types: readonly EventType[] = [
  'resource.created',
  'resource.forcing',
  'resource.ended',
  'resource.left',
  'resource.forgotten',
  'resource.error',
  'resource.late',
  'lifecycle.closing',
  'lifecycle.closed',
]

/** The `diagnostics_channel` of each event, named `endswell:` and its type. Without a subscriber they cost a look. */
export const channels = Object.freeze(
  Object.fromEntries(types.map((type) => [type, channel(`endswell:${type}`)])),
) as Readonly<Record<EventType, Channel>>

/** Calls every listener, whatever another one throws; what one throws is an uncaught exception, as in an emitter. */
export function tell(listeners: Iterable<(event: LifecycleEvent) => void>, event: LifecycleEvent): void {
  for (const listener of listeners) {
    try {
      listener(event)
    } catch (error) {
      process.nextTick(() => {
        throw error
      })
    }
  }
}
