import type { ListenOptions, Server } from 'node:net'
import { checkPort, outOfRange, wrongType } from '../lifecycle/check.ts'
import { EndswellError } from '../lifecycle/errors.ts'

const anyPort = 'Use 0 for any port that is free.'

/**
 * Has a server listen, and resolves with it when it does.
 *
 * `where` is a port (0: any that is free), the path of a local socket or pipe, or the options of `server.listen`:
 * `{ port, host, path, backlog, exclusive, signal … }`. A port as text, as it comes from the environment, is fine; none
 * at all is refused, since Node would then listen on any port that is free, and no one would know why.
 *
 * Nothing of ours stays on the server: errors that come later are the program's, as ever.
 *
 * @returns A promise of the same server. It rejects with the server's own error if it can't listen (`EADDRINUSE`,
 * `EACCES`; `ERR_SERVER_ALREADY_LISTEN` where it does so already, perhaps elsewhere), and with an `EndswellError`
 * `ERR_ABORTED` if it is closed before it listens, be it through `signal`.
 * @throws TypeError or RangeError, as a rejection, when an argument is of the wrong type or a port out of range.
 * @example
 * ```ts
 * const server = life.use(await listen(createServer(handler), 8080))
 * ```
 */
export async function listen<S extends Server>(server: S, where: number | string | ListenOptions): Promise<S> {
  checkServer(server)
  checkWhere(where)
  await new Promise<void>((resolve, reject) => {
    const undo = () => {
      server.off('listening', onListening)
      server.off('error', onError)
      server.off('close', onClose)
    }
    const onListening = () => {
      undo()
      resolve()
    }
    const onError = (error: unknown) => {
      undo()
      reject(error)
    }
    const onClose = () => onError(closedTooEarly(where))
    server.once('listening', onListening)
    server.once('error', onError)
    server.once('close', onClose)
    try {
      server.listen(where as ListenOptions)
    } catch (error) {
      onError(error)
    }
  })
  return server
}

function checkServer(server: unknown): void {
  const { listen, once } = Object(server) as { listen?: unknown; once?: unknown }
  if (typeof listen === 'function' && typeof once === 'function' && typeof server === 'object') return
  const mend = typeof server === 'function' ? 'Make one of it: listen(createServer(app), port).' : ''
  throw wrongType('server', 'a server of node:net, http, https or http2', server, mend)
}

function checkWhere(where: unknown): void {
  if (where === '') throw outOfRange('where', 'a port or a path', where, anyPort)
  if (typeof where === 'string') return
  if (typeof where === 'object' && where !== null) checkOptions(where)
  else if (typeof where === 'number') checkPort('where', where)
  else throw wrongType('where', 'a port, a path or the options of server.listen', where, anyPort)
}

function checkOptions(where: ListenOptions): void {
  if (typeof where.port === 'number') checkPort('where.port', where.port)
  else if ('port' in where && !where.port) throw wrongType('where.port', 'a port', where.port, anyPort)
}

function closedTooEarly(where: number | string | ListenOptions): EndswellError {
  const signal = typeof where === 'object' ? where.signal : undefined
  const message = 'The server was closed before it listened.'
  return new EndswellError('ERR_ABORTED', message, signal?.aborted ? { cause: signal.reason } : {})
}
