import type { Socket } from 'node:net'
import { builtin } from '../lifecycle/builtin.ts'
import { type CloseContext, defineKind, type Kind } from '../lifecycle/kind.ts'
import { closed, destroy, hasNodesDisposer, isClosed, isOutput, leaveOnClose, looksLikeStream } from './ending.ts'

/**
 * The kind `socket`: a connection of `node:net` or `node:tls`.
 *
 * It sends what it still has to send, ends its side, and is over when the other end has ended its own; one that doesn't
 * is cut when the grace is over. A socket that isn't connected and has nothing to send is given up at once.
 *
 * - `failed`: it broke before everything was sent. A reset that comes later isn't a failure.
 *
 * A socket leaves its lifecycle when it closes. The process's own output (`process.stdout` may be a socket) isn't of
 * this kind.
 *
 * @example
 * ```ts
 * const socket = life.use(connect(6379, 'redis.internal'), { name: 'redis' })
 * ```
 */
export const socket: Kind<Socket> = defineKind<Socket>({
  name: 'socket',
  matches,
  close,
  force: destroy,
  isGone: isClosed,
  onGone: leaveOnClose,
  describe: ({ remoteAddress, remotePort, destroyed }) => {
    if (remoteAddress !== undefined) return `${remoteAddress}:${remotePort}`
    return destroyed ? 'closed' : 'not connected'
  },
})

function matches(value: unknown): boolean {
  if (!looksLikeStream(value) || !('bytesWritten' in value) || isOutput(value)) return false
  return value instanceof builtin('node:net').Socket && hasNodesDisposer(value)
}

async function close(value: Socket, { signal }: CloseContext): Promise<void> {
  if (value.pending && value.writableLength === 0) value.destroy()
  else if (!value.destroyed) value.end()
  // Whoever reads nothing would not see that the other end has hung up.
  if (value.readableFlowing === null) value.resume()
  let broken: { error: unknown } | undefined
  await closed(value, (error) => {
    if (!value.writableFinished) broken ??= { error }
  })
  if (broken !== undefined && !signal.aborted) throw broken.error
}
