import type { Kind } from '../../lifecycle/kind.ts'
import { type Emitter, Listener } from '../../lifecycle/listener.ts'

/** A `WebSocket`, of Node or of the package `ws`, or an `EventSource`. */
interface SocketLike {
  readonly readyState: number
  close(): unknown
  /** Only that of `ws` has it. */
  terminate?(): unknown
  /** An `EventSource` has none. */
  send?: unknown
}

const CONNECTING = 0
const CLOSED = 3

/**
 * How a `WebSocket` or an `EventSource` ends: it says goodbye and waits for the answer; one that is still connecting has
 * nobody to say it to. Forced, that of `ws` is cut; Node's has no way for that, and is left to the system.
 */
const webSocket: Kind<SocketLike> = Object.freeze({
  name: 'web-socket',
  matches,
  close,
  force: (value: SocketLike) => void value.terminate?.(),
  isGone: (value: SocketLike) => value.terminate === undefined || isOver(value),
  onGone: (value: SocketLike, leave: () => void) => hear(value, leave),
  describe: ({ readyState }: SocketLike) => ['connecting', 'open', 'closing', 'closed'][readyState] ?? '',
})

/** That kind, where `value` is of it. */
export function webSocketKind(value: unknown): Kind<never> | undefined {
  return matches(value) ? webSocket : undefined
}

function matches(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { readyState, close, addEventListener } = value as Partial<SocketLike & EventTarget>
  return typeof readyState === 'number' && typeof close === 'function' && typeof addEventListener === 'function'
}

function close(value: SocketLike): Promise<void> | undefined {
  if (isOver(value)) return undefined
  if (value.readyState === CONNECTING && value.terminate !== undefined) value.terminate()
  else value.close()
  return isOver(value) ? undefined : closed(value)
}

/** An `EventSource` is over as soon as it was told, and says nothing. */
function isOver({ readyState, send }: SocketLike): boolean {
  return readyState === CLOSED || (send === undefined && readyState === CLOSED - 1)
}

function closed(value: SocketLike): Promise<void> {
  return new Promise((resolve) => {
    const undo = hear(value, () => {
      undo()
      resolve()
    })
  })
}

function hear(value: SocketLike, told: () => void): () => void {
  const handle = new Listener(value as SocketLike & Emitter, 'close', told)
  return () => handle[Symbol.dispose]()
}
