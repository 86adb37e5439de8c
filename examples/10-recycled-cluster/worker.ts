/** A worker of the shop. What asks for `/report` leaves 4 MiB behind in it, as bugs do. */
import { createServer } from 'node:http'
import { listen, run } from 'endswell'
import { recyclable } from 'endswell/thread'

const leak: Buffer[] = []

await run(
  'worker',
  async (life, boot) => {
    recyclable(life)
    const server = createServer(({ url }, response) => {
      if (url === '/report') leak.push(Buffer.alloc(4 * 2 ** 20, 1))
      response.end('done')
    })
    await boot.step('http', () => listen(server, { port: 0, host: '127.0.0.1' }))
  },
  { report: false },
)
