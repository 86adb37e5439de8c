import type { EventEmitter } from 'node:events'

/**
 * How one sort of a server's conversations (replies, streams, upgraded or plain sockets) ends.
 *
 * It watches from its making on, and is told of each stage of the closing.
 */
export interface Drain {
  /** How many conversations have come to their end since `begin`. */
  readonly drained: number
  /** Every reply from now on is the last of its connection. */
  announce?(): void
  /** Closing has begun: what is under way becomes the last of its connection. */
  begin?(): void
  /** What had arrived when closing began has been read: connections where nothing is under way end. */
  sweep(): void
  /** {@link PATIENCE} is over. */
  late?(): void
  /** Destroys every connection, and tells how many conversations that cut short. */
  cut(): number
  /** Takes every listener off. */
  stop(): void
}

type Listener = Parameters<EventEmitter['on']>[1]

/** Listens to an event, and returns the undo. */
export function on(emitter: EventEmitter, event: string, listener: Listener): () => void {
  emitter.on(event, listener)
  return () => void emitter.off(event, listener)
}
