/** The smallest service: a server and a timer. SIGTERM or Ctrl-C ends both, in order: `node main.ts`, or `PORT=8080 …`. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { listen, run } from 'endswell'

await run('hello', async (life, boot) => {
  let visits = 0
  life.every('count', 1_000, () => console.log(`${visits} visits so far`))
  const server = createServer((_request, response) => response.end(`hello, visitor ${++visits}\n`))
  await boot.step('http', () => listen(server, { port: Number(process.env['PORT'] ?? 0), host: '127.0.0.1' }))
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
})
