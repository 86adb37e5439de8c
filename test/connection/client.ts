import { once } from 'node:events'
import { type AddressInfo, connect, type Server, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { until } from '../fixtures/until.ts'

/** A client that says exactly what it is told to, and remembers what it hears. */
export class Client {
  readonly socket: Socket
  /** Everything heard. */
  text = ''
  /** Whether the server has ended its side. */
  ended = false
  /** Whether the connection is over. */
  closed = false
  error: NodeJS.ErrnoException | undefined

  constructor(socket: Socket) {
    this.socket = socket
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => {
      this.text += chunk
    })
    socket.on('end', () => {
      this.ended = true
    })
    socket.on('error', (error) => {
      this.error = error
    })
    socket.on('close', () => {
      this.closed = true
    })
  }

  /** Connects, and waits until the server has noticed. */
  static async connect(server: Server, { tls = false, halfOpen = false } = {}): Promise<Client> {
    const options = { port: portOf(server), host: '127.0.0.1', allowHalfOpen: halfOpen }
    const accepted = once(server, tls ? 'secureConnection' : 'connection')
    const socket = tls ? connectTls({ ...options, rejectUnauthorized: false }) : connect(options)
    const client = new Client(socket)
    await Promise.all([accepted, once(socket, tls ? 'secureConnect' : 'connect')])
    return client
  }

  send(text: string): void {
    this.socket.write(text, 'latin1')
  }

  /** Sends a request without a body. */
  get(path: string, ...headers: string[]): void {
    this.send([`GET ${path} HTTP/1.1`, 'Host: test', ...headers, '', ''].join('\r\n'))
  }

  /** Waits until it has heard `what`. */
  async hears(what: string | RegExp): Promise<void> {
    const heard = () => (typeof what === 'string' ? this.text.includes(what) : what.test(this.text))
    await until(`the client heard ${what}`, heard)
  }

  /** Waits until the connection is over. */
  async isClosed(): Promise<void> {
    await until('the connection is over', () => this.closed)
  }

  /** The heads of the replies heard, each as one text in lower case. */
  get heads(): string[] {
    return this.text.toLowerCase().match(/http\/1\.1 \d+ .*?\r\n\r\n/gs) ?? []
  }
}

export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}
