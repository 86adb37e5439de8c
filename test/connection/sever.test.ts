import { EventEmitter } from 'node:events'
import { findCycles, sever } from 'endswell/connection'
import { describe, expect, test } from 'vitest'
import { listeners } from '../fixtures/listeners.ts'
import { websocketHouse } from '../fixtures/websocket-house.ts'

describe('sever', () => {
  test('breaks all 19 cycles of the house of WebSockets', () => {
    const house = websocketHouse()
    const connections = [...house.connections]
    for (const connection of connections) {
      expect(sever(connection)).toEqual({ listeners: 0, links: ['child', 'manager', 'registry'], kept: [] })
      expect(sever(connection.socket)).toEqual({ listeners: 3, links: [], kept: [] })
    }
    expect(findCycles(house).cycles.map(({ path }) => path)).toEqual(['root.registry.manager'])
    sever(house.registry)
    expect(findCycles(house)).toMatchObject({ cycles: [], complete: true })
    expect(connections.map(({ manager, registry, child }) => [manager, registry, child])).toEqual(
      Array(6).fill([undefined, undefined, undefined]),
    )
  })

  test('breaks them at once, where it may go on from part to part', () => {
    const house = websocketHouse()
    const severed = sever(house, {
      keys: ['registry', 'connections', 'manager', 'child', 'parent', 'socket'],
      deep: true,
    })
    expect(severed).toMatchObject({ listeners: 18, kept: [] })
    expect(findCycles(house).cycles).toEqual([])
  })

  test('takes all listeners off an emitter, and leaves one for errors that come late', () => {
    const emitter = new EventEmitter()
    emitter.on('a', () => {})
    emitter.once('a', () => {})
    emitter.on(Symbol.iterator, () => {})
    expect(sever(emitter).listeners).toBe(3)
    expect(listeners(emitter)).toEqual({ error: 1 })
    emitter.emit('error', new Error('late'))
    expect(sever(emitter).listeners).toBe(0)
    expect(listeners(emitter)).toEqual({ error: 1 })
  })

  test('takes all listeners off an EventTarget', () => {
    const target = new EventTarget()
    const told: string[] = []
    target.addEventListener('a', () => told.push('a'))
    target.addEventListener('a', { handleEvent: () => told.push('b') }, { capture: true, once: true })
    target.addEventListener('b', () => told.push('c'))
    const { port1, port2 } = new MessageChannel()
    const port = Object.assign(port1, { onmessage: () => told.push('message') })
    expect(sever(target).listeners).toBe(3)
    // A port has some of Node's own as well.
    expect(sever(port).listeners).toBeGreaterThan(0)
    expect(port.onmessage).toBe(null)
    for (const type of ['a', 'b']) target.dispatchEvent(new Event(type))
    expect(told).toEqual([])
    port2.close()
  })

  test('takes them off an emitter of another make, and none where it is told so', () => {
    const calls: string[] = []
    const other = {
      parent: {},
      eventNames: () => ['a'],
      listeners: () => [1, 2],
      removeAllListeners: () => calls.push('removed'),
    }
    expect(sever(other)).toEqual({ listeners: 2, links: ['parent'], kept: [] })
    expect(sever(other, { listeners: false })).toMatchObject({ listeners: 0 })
    expect(calls).toEqual(['removed'])
  })

  test('runs no getter and no setter, and says what it could not cut', () => {
    const refuse = (): never => {
      throw new Error('was called')
    }
    const object = Object.defineProperties(
      {},
      {
        parent: { get: refuse, set: refuse, configurable: true },
        removeAllListeners: { get: refuse },
        eventNames: { get: refuse },
        child: { value: {}, writable: false, configurable: true },
        owner: { value: {}, writable: false, configurable: false },
      },
    ) as Record<string, unknown>
    expect(sever(object)).toEqual({ listeners: 0, links: ['child'], kept: ['owner'] })
    expect(sever(Object.seal({ parent: {} }))).toEqual({ listeners: 0, links: ['parent'], kept: [] })
    expect(sever(Object.freeze({ parent: {} }))).toEqual({ listeners: 0, links: [], kept: ['parent'] })
  })

  test('lets be what can not even be asked what it is, and goes on', () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    const stubborn = new Proxy(
      { parent: {} },
      {
        defineProperty() {
          throw new Error('no')
        },
      },
    )
    const object = { child: proxy, children: [proxy, stubborn], owner: {} }
    expect(sever(object, { deep: true })).toEqual({
      listeners: 0,
      links: ['child', 'children', 'owner'],
      kept: ['parent'],
    })
  })

  test('leaves alone what is no link: words, and what is in a prototype', () => {
    class Child {
      readonly name = 'child'
      parent = 'nobody'
    }
    Object.defineProperty(Child.prototype, 'owner', { value: {} })
    expect(sever(new Child(), { keys: ['name', 'parent', 'owner'] })).toEqual({ listeners: 0, links: [], kept: [] })
  })

  test('goes into arrays, Maps and Sets, to each object once, and leaves them as they are', () => {
    const leaves = Array.from({ length: 4 }, () => ({ parent: undefined as unknown }))
    const [a, b, c, d] = leaves
    const root = {
      children: [a, b, a] as unknown,
      child: new Map([['c', c]]) as unknown,
      owner: new Set([d]) as unknown,
    }
    const children = root.children
    for (const leaf of leaves) leaf.parent = root
    const severed = sever(root, { deep: true })
    expect(severed.links.toSorted()).toEqual(['child', 'children', 'owner', ...Array(4).fill('parent')])
    expect(children).toHaveLength(3)
    expect(leaves.every(({ parent }) => parent === undefined)).toBe(true)
  })

  test('refuses what it can not keep to', () => {
    const bad: [unknown, RegExp][] = [
      [{ keys: 'parent' }, /options\.keys must be an array of names/],
      [{ keys: [1] }, /options\.keys must be an array of names/],
      [{ deep: 1 }, /options\.deep must be true or false/],
      [{ listener: true }, /sever has no option 'listener'. Did you mean 'listeners'/],
    ]
    for (const [options, message] of bad) expect(() => sever({}, options as never)).toThrow(message)
    expect(() => sever(null as never)).toThrow(/object must be an object/)
  })
})
