import { execFile } from 'node:child_process'
import { createServer as createHttp, Server as HttpServer } from 'node:http'
import { createServer as createHttp2, createSecureServer } from 'node:http2'
import { createServer as createHttps, Server as HttpsServer } from 'node:https'
import { createServer as createNet, Server as NetServer } from 'node:net'
import { createServer as createTls, Server as TlsServer } from 'node:tls'
import { promisify } from 'node:util'
import express from 'express'
import fastify from 'fastify'
import { describe, expect, test } from 'vitest'
import { listen } from '../../src/connection/listen.ts'
import { server } from '../../src/connection/server.ts'
import { TestContext } from '../fixtures/context.ts'

type Class = typeof NetServer

/** Those of HTTP/2 are not exported. */
const classes: readonly [string, Class][] = [
  ['net', NetServer],
  ['tls', TlsServer as Class],
  ['http', HttpServer as Class],
  ['https', HttpsServer as Class],
  ['http2', createHttp2().constructor as Class],
  ['http2 over TLS', createSecureServer().constructor as Class],
]

describe('matches', () => {
  test.each([
    ['net', createNet()],
    ['tls', createTls()],
    ['http', createHttp()],
    ['https', createHttps()],
    ['http2', createHttp2()],
    ['http2 over TLS', createSecureServer()],
    ['http2 over TLS with HTTP/1', createSecureServer({ allowHTTP1: true })],
  ])('a server of %s', (_, value) => {
    expect(server.matches(value)).toBe(true)
  })

  test.each(classes)('a class of %s servers, unless it brings its own disposer', (_, base) => {
    const plain = class extends base {}
    const own = class extends base {
      override async [Symbol.asyncDispose]() {}
    }
    const inherited = class extends own {}
    expect([new plain(), new own(), new inherited()].map(server.matches)).toEqual([true, false, false])
    expect(server.matches(Object.assign(new plain(), { [Symbol.dispose]() {} }))).toBe(true)
    expect(server.matches(Object.assign(new plain(), { async [Symbol.asyncDispose]() {} }))).toBe(false)
  })

  test.each([
    ['nothing', undefined],
    ['null', null],
    ['a number', 1],
    ['a function', () => {}],
    ['an Express app', express()],
    ['a Fastify app, which brings its own disposer', fastify()],
    ['something like a server', { listen() {}, address() {}, close() {}, closeIdleConnections() {} }],
  ])('not %s', (_, value) => {
    expect(server.matches(value)).toBe(false)
  })

  test('loads no module that the program has no use for', async () => {
    const script = `
      import { createRequire } from 'node:module'
      import { server } from '${new URL('../../src/connection/server.ts', import.meta.url)}'
      const isLoaded = (name) => process.moduleLoadList.includes('NativeModule ' + name)
      const loaded = () => ['net', 'tls', 'http', 'https', 'http2'].filter(isLoaded)
      server.matches({}); server.matches({ listen() {} })
      const first = loaded()
      const require = createRequire('/')
      server.matches(require('node:net').createServer())
      const second = loaded()
      server.matches(require('node:http').createServer())
      console.log(JSON.stringify([first, second, loaded()]))`
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script])
    expect(JSON.parse(stdout)).toEqual([[], ['net'], ['net', 'http']])
  })
})

describe('describe', () => {
  test('a port, or that there is none', async () => {
    const value = createNet()
    expect(server.describe?.(value)).toBe('not listening')
    await listen(value, { port: 0, host: '127.0.0.1' })
    expect(server.describe?.(value)).toMatch(/^port [1-9]\d*$/)
    await server.close(value, new TestContext())
    expect(server.describe?.(value)).toBe('not listening')
  })
})

describe('close', () => {
  test.each(classes)('rejects with what the own close of a class of %s servers throws', async (_, base) => {
    const failure = new Error('not now')
    class Failing extends base {
      override close(): this {
        throw failure
      }
    }
    await expect(server.close(new Failing(), new TestContext())).rejects.toBe(failure)
  })

  test.each(classes)('calls the own close of a class of %s servers, once', async (_, base) => {
    let calls = 0
    class Counting extends base {
      override close(...args: Parameters<NetServer['close']>): this {
        calls++
        return super.close(...args)
      }
    }
    const value = new Counting()
    const context = new TestContext()
    await listen(value, { port: 0, host: '127.0.0.1' })
    await server.close(value, context)
    expect([calls, value.listening, context.notes]).toEqual([1, false, ['drained 0, cut 0']])
    expect(Object.keys(value)).not.toContain('closeIdleConnections')
  })

  test('puts back a closeIdleConnections that somebody has replaced', async () => {
    const value = createHttp()
    const mine = () => {}
    value.closeIdleConnections = mine
    await server.close(value, new TestContext())
    expect(Object.getOwnPropertyDescriptor(value, 'closeIdleConnections')).toEqual({
      value: mine,
      configurable: true,
      enumerable: true,
      writable: true,
    })
  })
})
