import type { Server } from 'node:net'
import { type CloseContext, defineKind, type Kind } from '../lifecycle/kind.ts'
import { isServer } from './protocols.ts'
import { hold, trafficOf } from './traffic.ts'

/**
 * The kind `server`: a server of `node:net`, `tls`, `http`, `https` or `http2`, plain or secure, and so what Express,
 * Fastify and their like listen with. It accepts nothing more and lets its clients finish:
 *
 * - A reply that has begun is sent whole. It carries `Connection: close` if its header hasn't been sent, and its
 *   connection ends with it either way. Requests that are in line behind it on the same connection are not answered.
 * - Connections where nothing is under way end at once, also those that have never sent a byte. One with half a header
 *   has 1 s to send the rest (half the grace, where that is less).
 * - Sessions of HTTP/2 get GOAWAY and serve the streams that they have.
 * - Websockets get a close frame, 1001 "going away", and as long to hang up. Other upgraded connections, CONNECT
 *   tunnels and those of a plain `net` or `tls` server are ended on our side, and are over when the client ends them.
 *
 * What is under way when the grace is over is cut: forcing destroys every connection. The row's note counts the
 * replies, streams and upgraded or plain connections that have `drained`, and those that were `cut`. A server that
 * isn't listening is closed all the same, and that is no error.
 *
 * It is watched from `use` on. Replies begun before are sent whole as well, but aren't counted and don't carry
 * `Connection: close`; connections of a `net` server made before aren't known and hold it: so use it before it listens,
 * or in the same turn of the event loop. A server leaves its lifecycle when it has closed.
 *
 * @example
 * ```ts
 * life.use(await listen(createServer(handler), 8080), { name: 'http', grace: 10_000 })
 * ```
 */
export const server: Kind<Server> = defineKind<Server>({
  name: 'server',
  matches: isServer,
  close: (value, context) => end(value, context, 'close'),
  force: (value, context) => end(value, context, 'force'),
  isGone: (value) => !value.listening && (trafficOf(value)?.isEmpty ?? true),
  onGone(value, leave) {
    const traffic = hold(value)
    value.once('close', leave)
    return () => {
      value.off('close', leave)
      traffic.release()
    }
  },
  announce: (value, accepts) => trafficOf(value)?.announce(accepts),
  describe,
})

async function end(value: Server, context: CloseContext, how: 'close' | 'force'): Promise<void> {
  // Held here too, since closing makes it leave.
  const traffic = hold(value)
  try {
    await traffic[how](context)
    context.note(traffic.summary)
  } finally {
    traffic.release()
  }
}

function describe(value: Server): string {
  // Node remembers the path of one that listens no more.
  const address = value.listening ? value.address() : null
  if (address === null) return 'not listening'
  return typeof address === 'string' ? address : `port ${address.port}`
}
