import { expectTypeOf, test } from 'vitest'
import type {
  Arguments,
  CallMethod,
  Handlers,
  Method,
  Result,
  StreamItem,
  StreamMethod,
} from '../../../src/thread/bridge/handlers.ts'
import type { Call } from '../../../src/thread/serve.ts'
import type { WorkerBridge } from '../../../src/thread/worker-bridge.ts'

const handlers = {
  add: (one: number, other: number) => one + other,
  async greet(this: Call, name: string, loud?: boolean) {
    return loud === true ? name.toUpperCase() : name
  },
  *count(to: number) {
    for (let at = 0; at < to; at += 1) yield at
  },
  async *names(): AsyncGenerator<string> {},
  spin(): never {
    for (;;);
  },
}
type H = typeof handlers

test('arguments, results and values have the types of their handlers', () => {
  expectTypeOf<Method<H>>().toEqualTypeOf<'add' | 'greet' | 'count' | 'names' | 'spin'>()
  expectTypeOf<Arguments<H, 'add'>>().toEqualTypeOf<readonly [one: number, other: number]>()
  expectTypeOf<Arguments<H, 'greet'>>().toEqualTypeOf<readonly [name: string, loud?: boolean | undefined]>()
  expectTypeOf<Result<H, 'add'>>().toEqualTypeOf<number>()
  expectTypeOf<Result<H, 'greet'>>().toEqualTypeOf<string>()
  expectTypeOf<StreamItem<H, 'count'>>().toEqualTypeOf<number>()
  expectTypeOf<StreamItem<H, 'names'>>().toEqualTypeOf<string>()
  expectTypeOf<StreamItem<H, 'add'>>().toEqualTypeOf<never>()
})

test('a generator is read as a stream, and nothing else is', () => {
  expectTypeOf<StreamMethod<H>>().toEqualTypeOf<'count' | 'names'>()
  expectTypeOf<CallMethod<H>>().toEqualTypeOf<'add' | 'greet' | 'spin'>()
  // @ts-expect-error: it yields.
  const call = (bridge: WorkerBridge<H>) => bridge.call('count', [1])
  expectTypeOf(call).toBeFunction()
  // @ts-expect-error: it yields nothing.
  const stream = (bridge: WorkerBridge<H>) => bridge.stream('add', [1, 2])
  expectTypeOf(stream).toBeFunction()
})

test('where nothing is known of the handlers, any method can be called with anything', () => {
  expectTypeOf<Arguments<Handlers, string>>().toEqualTypeOf<readonly unknown[]>()
  expectTypeOf<Result<Handlers, string>>().toEqualTypeOf<unknown>()
})

test('a bridge takes the handlers of its file', () => {
  const call = (bridge: WorkerBridge<H>) => bridge.call('add', [1, 2], { timeout: 1 })
  expectTypeOf(call).returns.toEqualTypeOf<Promise<number>>()
  // @ts-expect-error: it is called with numbers.
  const wrong = (bridge: WorkerBridge<H>) => bridge.call('add', ['1', 2])
  expectTypeOf(wrong).returns.toEqualTypeOf<Promise<number>>()
  const stream = (bridge: WorkerBridge<H>) => bridge.stream('count', [1])
  expectTypeOf(stream).returns.toEqualTypeOf<AsyncIterableIterator<number> & AsyncDisposable>()
})
