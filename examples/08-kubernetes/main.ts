/**
 * The service that `deployment.yaml` beside this file runs. The probes have a port of their own, the start goes step by
 * step, and on SIGTERM it goes on serving until nobody sends it requests any more.
 */
import { createServer } from 'node:http'
import { listen, run } from 'endswell'

const { PORT = '8080', HEALTH_PORT = '9000' } = process.env

await run(
  'orders',
  async (_life, boot) => {
    const orders = await boot.step('orders', () => new Map([['1', 'a teapot']]), {
      impact: 'there is nothing to serve',
    })
    const server = createServer((request, response) => {
      const order = orders.get(request.url?.slice(1) ?? '')
      response.writeHead(order === undefined ? 404 : 200).end(order)
    })
    await boot.step('http', () => listen(server, Number(PORT)))
    console.log(`serving on port ${PORT}`)
  },
  { health: { port: Number(HEALTH_PORT) } },
)
