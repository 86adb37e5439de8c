import { createServer as createHttp } from 'node:http'
import { createServer as createHttp2 } from 'node:http2'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { listen } from '../../src/connection/listen.ts'
import { EndswellError } from '../../src/lifecycle/errors.ts'
import { listeners } from '../fixtures/listeners.ts'

const local = { port: 0, host: '127.0.0.1' }

function made<S extends Server>(server: S): S {
  onTestFinished(() => void server.close())
  return server
}

test.each([
  ['net', () => createServer()],
  ['http', () => createHttp()],
  ['http2', () => createHttp2()],
])('resolves with the server when it listens, and leaves no listener (%s)', async (_, create: () => Server) => {
  const server = made(create())
  const before = listeners(server)
  expect(await listen(server, local)).toBe(server)
  expect([server.listening, (server.address() as AddressInfo).address]).toEqual([true, '127.0.0.1'])
  expect(listeners(server)).toEqual(before)
})

test.each([0, '0', { port: 0 }, { port: '0' }])('takes a port as %o', async (where) => {
  const server = await listen(made(createServer()), where as number)
  expect((server.address() as AddressInfo).port).toBeGreaterThan(0)
})

describe('rejects, and leaves no listener,', () => {
  test('with the error of the server: a port that is taken', async () => {
    const taken = await listen(made(createServer()), local)
    const { port } = taken.address() as AddressInfo
    const server = made(createServer())
    const before = listeners(server)
    await expect(listen(server, { ...local, port })).rejects.toMatchObject({ code: 'EADDRINUSE', port })
    expect([listeners(server), server.listening]).toEqual([before, false])
    await listen(server, local)
    expect(server.listening).toBe(true)
  })

  test('where it listens already, and that one goes on', async () => {
    const server = await listen(made(createServer()), local)
    const before = listeners(server)
    const address = server.address()
    await expect(listen(server, local)).rejects.toMatchObject({ code: 'ERR_SERVER_ALREADY_LISTEN' })
    expect([listeners(server), server.address()]).toEqual([before, address])
  })

  test('where it is closed before it listens', async () => {
    const server = createServer()
    const before = listeners(server)
    const listening = listen(server, { port: 0, host: 'localhost' })
    server.close()
    const error = await listening.catch((error: unknown) => error)
    expect(error).toBeInstanceOf(EndswellError)
    expect(error).toMatchObject({ code: 'ERR_ABORTED' })
    expect(error).not.toHaveProperty('cause')
    expect([listeners(server), server.listening]).toEqual([before, false])
  })

  test.each(['before', 'meanwhile'])('where its signal aborts (%s), with the reason as cause', async (when) => {
    const controller = new AbortController()
    const reason = new Error('no longer wanted')
    if (when === 'before') controller.abort(reason)
    const server = createServer()
    const listening = listen(server, { port: 0, host: 'localhost', signal: controller.signal })
    controller.abort(reason)
    await expect(listening).rejects.toMatchObject({ code: 'ERR_ABORTED', cause: reason })
    expect([listeners(server), server.listening]).toEqual([{}, false])
  })

  test.each([
    [undefined, 'ERR_INVALID_ARG_TYPE', /^where must be a port, .* Use 0 for any port that is free\.$/],
    [null, 'ERR_INVALID_ARG_TYPE', /^where must be/],
    [true, 'ERR_INVALID_ARG_TYPE', /^where must be/],
    ['', 'ERR_OUT_OF_RANGE', /Use 0 for any port that is free/],
    [-1, 'ERR_OUT_OF_RANGE', /^where must be a port from 0 to 65535/],
    [65_536, 'ERR_OUT_OF_RANGE', /^where must be a port/],
    [80.5, 'ERR_OUT_OF_RANGE', /^where must be a port/],
    [Number.NaN, 'ERR_OUT_OF_RANGE', /^where must be a port/],
    [{ port: Number.NaN }, 'ERR_OUT_OF_RANGE', /^where\.port must be a port/],
    [{ port: undefined }, 'ERR_INVALID_ARG_TYPE', /^where\.port must be a port.* Use 0/],
    [{ port: '' }, 'ERR_INVALID_ARG_TYPE', /^where\.port must be a port/],
    [{}, 'ERR_INVALID_ARG_VALUE', /./],
  ])('where it is told to listen at %o', async (where, code, message) => {
    const server = createServer()
    await expect(listen(server, where as number)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    })
    expect([listeners(server), server.listening]).toEqual([{}, false])
  })

  test.each([
    [undefined, ''],
    [{}, ''],
    [Object.assign(() => {}, { listen() {}, once() {} }), 'Make one of it: listen(createServer(app), port).'],
  ])('where %o is no server', async (server, mend) => {
    await expect(listen(server as never, 0)).rejects.toMatchObject({
      code: 'ERR_INVALID_ARG_TYPE',
      message: expect.stringMatching(/^server must be a server of node:net, http, https or http2, but got/),
    })
    await expect(listen(server as never, 0)).rejects.toThrow(mend)
  })
})
