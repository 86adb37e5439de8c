import type { Duplex } from 'node:stream'
import { builtin } from '../lifecycle/builtin.ts'
import { EndswellError } from '../lifecycle/errors.ts'
import { type CloseContext, defineKind, type Kind } from '../lifecycle/kind.ts'
import {
  closed,
  destroy,
  type Ending,
  hasNodesDisposer,
  isClosed,
  isOutput,
  leaveOnClose,
  looksLikeStream,
} from './ending.ts'

/** A stream of `node:stream`, `fs`, `zlib`, `http` …, of which each has some of these. */
interface AnyStream extends Ending {
  readonly writableEnded?: boolean
  readonly writableFinished?: boolean
  readonly readableEnded?: boolean
  readonly readableFlowing?: boolean | null
  end?(): unknown
  resume?(): unknown
}

/**
 * The kind `stream`: a stream of `node:stream`, and so those of `fs`, `zlib`, `crypto` or `http`.
 *
 * - One that can be written to is ended, and is over when everything has been written (a file: when it is closed). If
 *   somebody reads from it too, as of a `Gzip` that is piped on, what they read comes to its end as well.
 * - One that can only be read has nothing to finish: it is destroyed, and that is its gentle close. The body of an HTTP
 *   message is read to its end instead, since destroying it would take the connection, and the reply, with it.
 *
 * What is not through when the grace is over is destroyed.
 *
 * - `failed`: it told of an error while it closed, or somebody else destroyed it before everything was written.
 *
 * A stream leaves its lifecycle when it closes. `process.stdout` and `process.stderr` aren't of this kind: they are not
 * to be ended.
 *
 * @example
 * ```ts
 * const log = life.use(createWriteStream('access.log'), { last: true })
 * ```
 */
export const stream: Kind<AnyStream> = defineKind<AnyStream>({
  name: 'stream',
  matches,
  close,
  force: destroy,
  isGone: isClosed,
  onGone: leaveOnClose,
  describe: (value) => ('path' in value && typeof value.path === 'string' ? value.path : value.constructor.name),
})

function matches(value: unknown): boolean {
  if (!looksLikeStream(value) || isOutput(value)) return false
  return value instanceof builtin('node:stream').Stream && hasNodesDisposer(value)
}

async function close(value: AnyStream, { signal }: CloseContext): Promise<void> {
  try {
    if (!value.destroyed) await finish(value)
    await release(value)
  } catch (error) {
    // Forcing is what broke it off.
    if (!signal.aborted) throw error
  }
}

/** Ends what can be ended, and waits until what is under way has come to its end. */
async function finish(value: AnyStream): Promise<void> {
  const writable = value.writableFinished === false
  if (writable && value.writableEnded === false) value.end?.()
  if (isMessage(value)) value.resume?.()
  const isRead = value.readableEnded === false && value.readableFlowing !== null
  const readable = isRead && (isMessage(value) || value.writableFinished !== undefined)
  if (!writable && !readable) return
  const { finished } = builtin('node:stream').promises
  await finished(value as Duplex & AnyStream, { writable, readable, cleanup: true })
  // For Node it is enough that the last chunk was taken.
  if (!writable || value.writableFinished) return
  throw new EndswellError('ERR_ABORTED', 'The stream was destroyed before everything was written.')
}

/** Has it let go of what it holds, as most streams do by themselves after their end. */
async function release(value: AnyStream): Promise<void> {
  let broken: { error: unknown } | undefined
  if (!value.destroyed) value.destroy()
  await closed(value, (error) => {
    broken ??= { error }
  })
  if (broken !== undefined) throw broken.error
}

/** Whether it is an `IncomingMessage`. */
function isMessage(value: AnyStream): boolean {
  return 'httpVersion' in value && 'complete' in value
}
