import { once } from 'node:events'
import { Agent, createServer, get, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { Lifecycle, listen } from '../../src/index.ts'
import { announce } from '../../src/lifecycle/announce.ts'
import { scopeOf } from '../../src/lifecycle/lifecycle.ts'

test('a server that takes nothing new serves the connections that it has, each once more', async () => {
  await using life = new Lifecycle('shop')
  const server = createServer((_, response) => response.end('served'))
  await listen(server, { port: 0, host: '127.0.0.1' })
  life.use(server, { name: 'http' })
  const { port } = server.address() as AddressInfo
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  onTestFinished(() => agent.destroy())
  const ask = async () => {
    const request = get({ host: '127.0.0.1', port, agent })
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    return { body: await text(response), connection: response.headers.connection, reused: request.reusedSocket }
  }
  // One has asked before, the other has not sent a byte.
  await ask()
  const accepted = once(server, 'connection')
  const silent = connect(port, '127.0.0.1')
  onTestFinished(() => void silent.destroy())
  await accepted

  announce(scopeOf(life), false)
  expect(await ask()).toEqual({ body: 'served', connection: 'close', reused: true })
  silent.write('GET / HTTP/1.1\r\nHost: shop\r\n\r\n')
  expect(await text(silent)).toMatch(/^HTTP\/1\.1 200[\s\S]*Connection: close[\s\S]*served/)
  const late = connect(port, '127.0.0.1')
  const [error] = await once(late, 'error')
  expect(error).toMatchObject({ code: 'ECONNREFUSED' })
})
