import { Agent, get, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { lineOf, Program } from '../fixtures/run/program.ts'

test('while it drains it serves old and new connections, and each reply says that it is the last', async () => {
  const { program, ask } = await serve({ drainDelay: 60_000 })
  expect(await ask('/before')).toMatchObject({ body: 'served /before', connection: 'keep-alive' })
  program.child.kill('SIGTERM')
  await program.said('own SIGTERM')

  expect(await ask('/on the idle one')).toMatchObject({
    body: 'served /on%20the%20idle%20one',
    connection: 'close',
    reused: true,
  })
  expect(await ask('/on a new one')).toMatchObject({
    body: 'served /on%20a%20new%20one',
    connection: 'close',
    reused: false,
  })

  // The second signal ends the delay, and what it forces is nothing that anybody waits for.
  program.child.kill('SIGINT')
  const { err } = await program.exit
  expect(lineOf(err)).toMatchObject({ reason: 'SIGTERM came', counts: { abandoned: 0 } })
})

test('when the delay is over it closes', async () => {
  const { program, ask } = await serve({ drainDelay: 200 })
  await ask('/')
  expect(await program.stop()).toMatchObject({ status: 0 })
})

test('an error that nothing catches ends the drain', async () => {
  const { program, ask } = await serve({ drainDelay: 60_000 })
  program.child.kill('SIGTERM')
  await program.said('own SIGTERM')
  await ask('/crash')
  const { status, err } = await program.exit
  expect({ status, reason: lineOf(err).reason }).toEqual({ status: 1, reason: 'SIGTERM came' })
})

/** Starts the server, and gives a client that keeps its connection. */
async function serve(options: object) {
  const program = new Program('server.ts', [options])
  await program.said('ready')
  const port = Number(/port (\d+)/.exec(program.out)?.[1])
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  onTestFinished(() => agent.destroy())
  const ask = async (path: string) => {
    const request = get({ host: '127.0.0.1', port, path: encodeURI(path), agent })
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      request.once('response', resolve).once('error', reject)
    })
    const body = await text(response)
    return { body, connection: response.headers.connection, reused: request.reusedSocket }
  }
  return { program, ask }
}
