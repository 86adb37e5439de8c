import { type Channel, channel } from 'node:diagnostics_channel'
import type { LifecycleEvent } from './event.ts'

type EventType = LifecycleEvent['type']

const types: readonly EventType[] = [
  'resource.created',
  'resource.forcing',
  'resource.ended',
  'resource.left',
  'resource.forgotten',
  'resource.error',
  'resource.late',
  'startup.began',
  'startup.ended',
  'lifecycle.ready',
  'lifecycle.draining',
  'lifecycle.closing',
  'lifecycle.closed',
  'supervised.changed',
  'queue.pressure',
  'thread.changed',
  'worker.recycled',
  'connection.opened',
  'connection.closed',
  'connection.failed',
  'connection.changed',
  'lease.overdue',
  'lease.lost',
  'item.dropped',
  'save.failed',
  'save.done',
  'cleanup.ended',
]

/** The `diagnostics_channel` of each event, named `endswell:` and its type. Without a subscriber they cost a look. */
const channels = Object.freeze(
  Object.fromEntries(types.map((type) => [type, channel(`endswell:${type}`)])),
) as Readonly<Record<EventType, Channel>>

/** Something that can be listened to, and perhaps something above it that hears the same. */
export interface Audible {
  listeners: Set<(event: LifecycleEvent) => void> | undefined
  readonly heardBy: Audible | undefined
}

/** Tells `listener` of all that happens in `source` and inside. Returns the undo. */
export function subscribe(source: Audible, listener: (event: LifecycleEvent) => void): () => void {
  // A function of its own, so that one that subscribes twice is told twice.
  const own = (event: LifecycleEvent): void => listener(event)
  source.listeners ??= new Set()
  source.listeners.add(own)
  return () => {
    if (source.listeners?.delete(own) && source.listeners.size === 0) source.listeners = undefined
  }
}

/** The channel of an event, for those who ask so often that looking it up counts. */
export const channelOf = (type: EventType): Channel => channels[type]

/** Whether anybody listens to such events of `source`: looked up before one is made. */
export const isHeard = (source: Audible, type: EventType): boolean => isHeardOn(source, channels[type])

/** The same, where the channel is at hand. */
export function isHeardOn(source: Audible, channel: Channel): boolean {
  for (let each: Audible | undefined = source; each !== undefined; each = each.heardBy) {
    if (each.listeners !== undefined) return true
  }
  return channel.hasSubscribers
}

/** Tells all who listen to `source`, from the inside out, and the channel. */
export function publish(source: Audible, event: LifecycleEvent): void {
  for (let each: Audible | undefined = source; each !== undefined; each = each.heardBy) {
    for (const listener of each.listeners ?? []) tell(listener, event)
  }
  if (channels[event.type].hasSubscribers) channels[event.type].publish(event)
}

/** Whatever a listener throws, the others are told; it becomes an uncaught exception, as with the channels. */
function tell(listener: (event: LifecycleEvent) => void, event: LifecycleEvent): void {
  try {
    listener(event)
  } catch (error) {
    process.nextTick(() => {
      throw error
    })
  }
}
