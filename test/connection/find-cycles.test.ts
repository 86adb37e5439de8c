import { type FindCyclesOptions, findCycles } from 'endswell/connection'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { websocketHouse } from '../fixtures/websocket-house.ts'

const paths = (root: object, options?: FindCyclesOptions) => findCycles(root, options).cycles.map(({ path }) => path)

describe('findCycles', () => {
  test('finds the 19 cycles of a manager, its registry and six connections with handlers', () => {
    const { cycles, complete, nodes } = findCycles(websocketHouse(), { name: 'manager' })
    expect([cycles.length, complete, nodes < 1_000]).toEqual([19, true, true])
    expect(cycles[0]).toEqual({
      path: 'manager.connections[0].manager',
      to: 'manager',
      length: 3,
      names: ['WebSocketManager', 'Array', 'Connection'],
    })
    const ends = cycles.map(({ path }) => path.replace(/.*\.(\w+)$/, '$1'))
    const count = (word: string) => ends.filter((end) => end === word).length
    expect(Object.isFrozen(cycles) && cycles.every((cycle) => Object.isFrozen(cycle))).toBe(true)
    expect(cycles.filter(({ path }) => path.endsWith('.child.parent'))).toHaveLength(6)
    expect(count('manager')).toBe(7)
  })

  test('finds none where objects only share what they hold, or hold it weakly', () => {
    const shared = { name: 'shared' }
    const parent: object = { one: { shared }, two: { shared }, list: [shared, shared] }
    class Secret {
      readonly #self = this
      readonly own = 1
      get self() {
        return this.#self
      }
    }
    const weak: { ref?: WeakRef<object>; map?: WeakMap<object, object> } = {}
    weak.ref = new WeakRef(weak)
    weak.map = new WeakMap([[weak, weak]])
    for (const root of [parent, new Secret(), weak, class {}, () => {}, [], new Uint8Array(1_000)])
      expect(findCycles(root)).toMatchObject({ cycles: [], complete: true })
  })

  test('follows what is in arrays, Maps and Sets, and says so in the path', () => {
    const root: Record<string, unknown> = {}
    root['list'] = [0, root]
    root['map'] = new Map<unknown, unknown>([
      ['a b', root],
      [7, root],
      [root, 1],
    ])
    root['set'] = new Set([1, root])
    root['odd name'] = root
    root['call'] = Object.assign(() => {}, { owner: root })
    expect(paths(root)).toEqual([
      'root.list[1]',
      "root.map.get('a b')",
      'root.map.get(7)',
      'root.map.key(2)',
      'root.set.item(1)',
      "root['odd name']",
      'root.call.owner',
    ])
    expect(findCycles(root).cycles.at(-1)).toMatchObject({ to: 'root', length: 2, names: ['Object', 'Function'] })
  })

  test('runs no getter, and lets a proxy be that refuses', () => {
    const refuse = () => {
      throw new Error('was looked at')
    }
    const root = {
      get trap() {
        return refuse()
      },
      proxy: new Proxy(
        {},
        { ownKeys: refuse, getOwnPropertyDescriptor: refuse, get: refuse, getPrototypeOf: () => null },
      ),
    }
    expect(findCycles(root)).toMatchObject({ cycles: [], complete: true })
  })

  test('lets be what can not even be asked what it is', () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    const secret = new Proxy({}, { getPrototypeOf: () => Object.defineProperty({}, 'x', { value: 1 }) })
    const hostile = new Proxy(
      {},
      {
        getPrototypeOf() {
          throw new Error('no')
        },
      },
    )
    const root: Record<string, unknown> = { proxy, hostile, secret }
    root['self'] = root
    expect(paths(root)).toEqual(['root.self'])
    for (const object of [proxy, hostile]) expect(findCycles(object)).toMatchObject({ cycles: [], nodes: 1 })
  })

  test('looks only where it is told to', () => {
    const house = websocketHouse()
    expect(paths(house, { keys: ['child', 'parent', 'connections'], name: 'm' })[0]).toBe(
      'm.connections[0].child.parent',
    )
    expect(paths(house, { keys: ['child', 'parent', 'connections'] })).toHaveLength(6)
    expect(paths(house, { ignore: (_, path) => path.endsWith('.registry') })).toHaveLength(12)
  })

  test('says that it was cut short', () => {
    const house = websocketHouse()
    expect(findCycles(house, { maxNodes: 5 })).toMatchObject({ nodes: 5, complete: false })
    expect(findCycles(house, { maxDepth: 1 })).toMatchObject({ complete: false })
    expect(findCycles(house, { maxDepth: 2 }).cycles.length).toBeGreaterThan(0)
  })

  test('finds its way through a chain of 30 000 without recursion', () => {
    const root: { next?: object } = {}
    let last = root
    for (let at = 1; at < 30_000; at += 1) {
      const next = {}
      last.next = next
      last = next
    }
    last.next = root
    const { cycles, nodes } = findCycles(root, { maxNodes: 1_000_000, maxDepth: 1_000_000 })
    expect([nodes, cycles.length, cycles[0]?.length]).toEqual([30_000, 1, 30_000])
  })

  test('finds some cycle where there is one, and none once all links that it gives are cut, in any graph', () => {
    const links = fc.array(fc.tuple(fc.nat(7), fc.nat(7)), { maxLength: 24 })
    const check = (pairs: readonly [number, number][]): void => {
      const nodes = Array.from({ length: 8 }, (): Record<string, unknown> => ({}))
      for (const [from, to] of pairs) (nodes[from] as object as Record<string, unknown>)[`n${to}`] = nodes[to]
      const root = { nodes }
      const { cycles } = findCycles(root)
      if (cycles.length > 0 !== isCyclic(nodes)) throw new Error(`${cycles.length} cycles found`)
      if (new Set(cycles.map(({ path }) => path)).size !== cycles.length) throw new Error('one was found twice')
      for (const { path } of cycles) cutAt(root, path)
      if (isCyclic(nodes)) throw new Error('a cycle is left')
    }
    fc.assert(fc.property(links, check), { numRuns: 2_000 })
  })
})

/** Whether there is a cycle, by Kahn's way: take away what nothing leads to, again and again. */
function isCyclic(nodes: readonly object[]): boolean {
  let left = [...nodes]
  for (;;) {
    const reached = new Set(left.flatMap((node) => Object.values(node)))
    const next = left.filter((node) => reached.has(node))
    if (next.length === left.length) return left.length > 0
    left = next
  }
}

/** Deletes the last link of a path such as `root.nodes[3].n4.n3`. */
function cutAt(root: object, path: string): void {
  const steps = path.match(/\w+/g)?.slice(1) ?? []
  const last = steps.pop() as string
  let object = root as Record<string, never> | undefined
  for (const step of steps) object = object?.[step]
  // An earlier cut may have taken the way there.
  if (object !== undefined) delete object[last]
}

test('what findCycles can not keep to is refused', () => {
  const bad: [unknown, RegExp][] = [
    [{ maxNodes: 0 }, /options\.maxNodes must be a whole number from 1/],
    [{ maxDepth: Number.POSITIVE_INFINITY }, /options\.maxDepth must be a whole number/],
    [{ keys: 'parent' }, /options\.keys must be an array/],
    [{ ignore: ['parent'] }, /options\.ignore must be a function/],
    [{ name: 1 }, /options\.name must be a string/],
    [{ depth: 1 }, /findCycles has no option 'depth'/],
  ]
  for (const [options, message] of bad) expect(() => findCycles({}, options as never)).toThrow(message)
  expect(() => findCycles('x' as never)).toThrow(/root must be an object/)
})
