/**
 * A client that knows neither `Symbol.asyncDispose` nor endswell: two of its methods say how it ends. This one's server
 * does not answer, so `quit` hangs; after its grace it is ended by `disconnect`.
 */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { Lifecycle, listen } from 'endswell'

/** A client as they come from the registry. */
class Client {
  readonly #socket: Socket

  constructor(port: number) {
    this.#socket = connect(port, '127.0.0.1')
  }

  /** Says goodbye, and waits until the server has, too. */
  async quit(): Promise<void> {
    this.#socket.write('QUIT\n')
    await once(this.#socket, 'data')
    this.#socket.end()
  }

  disconnect(): void {
    this.#socket.destroy()
  }
}

const life = new Lifecycle('app')
const silent = createServer((socket) => socket.resume())
life.use(await listen(silent, { port: 0, host: '127.0.0.1' }), { name: 'silent server' })
const { port } = silent.address() as { port: number }
life.use(new Client(port), { name: 'client', close: 'quit', force: 'disconnect', grace: 200 })

const { rows } = await life.close({ reason: 'the example is over' })
for (const { path, outcome } of rows) console.log(`${path}: ${outcome}`)
