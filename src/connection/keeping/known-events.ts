import { isObject } from '../../lifecycle/check.ts'
import { EndswellError } from '../../lifecycle/errors.ts'
import { type Emitter, Listener } from '../../lifecycle/listener.ts'

/** What connections of Node, of `ws`, and of most clients have of this. */
interface AnyConnection {
  /** A socket, or a session of HTTP/2: it is not there yet. */
  readonly connecting?: unknown
  /** A socket of TLS. */
  readonly encrypted?: unknown
  readonly destroyed?: unknown
  /** A stream that was destroyed: whether it has told so. */
  readonly closed?: unknown
  /** A `WebSocket` or an `EventSource`: 0 is connecting, 1 open, and what is more is no connection. */
  readonly readyState?: unknown
  readonly send?: unknown
}

/** Whether something tells what becomes of it, by events. */
function isEmitter(value: unknown): value is Emitter & AnyConnection {
  if (!isObject(value)) return false
  if (value instanceof EventTarget) return true
  const { on, off } = value as Partial<Record<'on' | 'off', unknown>>
  return typeof on === 'function' && typeof off === 'function'
}

/** Resolves when a connection is there, and rejects when it will not be, or as soon as `signal` aborts. */
export async function opened(value: unknown, signal: AbortSignal): Promise<void> {
  if (!isEmitter(value)) return
  const event = openingEvent(value)
  if (event !== undefined) await told(value, event, signal)
  // It may have been ended in the same breath: then it tells why in a moment.
  if (isEnding(value)) await told(value, undefined, signal)
}

/** Resolves when a connection tells of `event`, and rejects when it is over. */
function told(value: Emitter, event: string | undefined, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const undo = hear(value, {
      ...(event === undefined ? {} : { [event]: () => settle(resolve) }),
      error: (error) => settle(() => reject(causeOf(error))),
      close: (...about) => settle(() => reject(closedError(event === undefined ? '' : 'before it was open', about))),
    })
    const stop = (): void => settle(() => reject(signal.reason))
    const settle = (end: () => void): void => {
      undo()
      signal.removeEventListener('abort', stop)
      end()
    }
    signal.addEventListener('abort', stop)
  })
}

function openingEvent({ connecting, encrypted, readyState }: AnyConnection): string | undefined {
  if (connecting === true) return encrypted === true ? 'secureConnect' : 'connect'
  return readyState === 0 ? 'open' : undefined
}

/**
 * Calls `lost` when a connection tells that it is over: by `close`, `end` or `error`. Where it is over already, that is
 * now. Returns the undo.
 */
export function watch(value: unknown, lost: (error: unknown) => void): (() => void) | undefined {
  if (!isEmitter(value)) return undefined
  if (isOver(value)) lost(closedError('at once', []))
  return hear(value, {
    close: (...about) => lost(closedError('', about)),
    end: () => lost(closedError('by the other end', [])),
    // An `EventSource` connects anew by itself, and says `error` each time.
    error: (error) => !(value instanceof EventTarget && value.readyState === 0) && lost(causeOf(error)),
  })
}

/** Whether it is over, and says nothing about it any more. */
function isOver({ destroyed, closed, readyState, send }: AnyConnection): boolean {
  if (destroyed === true) return closed !== false
  // An `EventSource` has three states, and nothing to send.
  return typeof readyState === 'number' && readyState > (send === undefined ? 1 : 2)
}

/** Whether it is on its way out, and will say when it is over. */
function isEnding({ destroyed, closed, readyState, send }: AnyConnection): boolean {
  return (destroyed === true && closed === false) || (readyState === 2 && send !== undefined)
}

const ignore = (): void => {}

/** Has an error that comes late, when nobody watches it any more, not end the process. */
export function guard(value: unknown): void {
  if (!isEmitter(value) || value instanceof EventTarget) return
  const { listeners } = value as { listeners?: (event: string) => unknown[] }
  if (listeners?.call(value, 'error').includes(ignore) !== true) value.on('error', ignore)
}

function hear(value: Emitter, told: Readonly<Record<string, (...about: unknown[]) => unknown>>): () => void {
  const handles = Object.entries(told).map(([event, fn]) => new Listener(value, event, fn))
  return () => {
    for (const handle of handles) handle[Symbol.dispose]()
  }
}

/** What an event of an EventTarget is about, or the error itself. */
function causeOf(error: unknown): unknown {
  if (!(error instanceof Event)) return error
  const { error: inner, message } = error as { error?: unknown; message?: unknown }
  return inner ?? new EndswellError('ERR_ABORTED', `The connection broke${shown(message)}.`)
}

/** Says how it was closed, as far as it told: a `WebSocket` does by an event, that of `ws` by a number and a text. */
function closedError(when: string, [about, text]: readonly unknown[]): EndswellError {
  const { code, reason } =
    about instanceof Event ? (about as { code?: unknown; reason?: unknown }) : { code: about, reason: text }
  const words = ['The connection was closed', when, typeof code === 'number' ? `with ${code}` : '']
  const cause = typeof code === 'number' ? { code, reason: String(reason ?? '') } : undefined
  const message = `${words.filter((word) => word !== '').join(' ')}${shown(cause?.reason)}.`
  return new EndswellError('ERR_ABORTED', message, { cause })
}

function shown(text: unknown): string {
  return typeof text === 'string' && text !== '' ? `: ${text}` : ''
}
