import { setImmediate } from 'node:timers/promises'
import type { Bad, Call, Disposer, Ending, Sequence, Shape } from './sequences.ts'

/** The members that the standard has, of any class that claims to be its stack. */
export interface Stack {
  use(value: unknown): unknown
  adopt(value: unknown, fn: unknown): unknown
  defer(fn: unknown): unknown
  move(): Stack
  disposeAsync(): Promise<void>
  readonly disposed: boolean
}

/** More microtasks than the longest sequence takes. */
const COUNTED = 100

/** Plays a sequence on a stack, and writes down all that can be seen: what, in which order, and in which microtask. */
export async function play(sequence: Sequence, stack: Stack): Promise<readonly string[]> {
  const player = new Player(stack)
  for (const call of sequence.calls) player.call(call)
  for (const { turns, call } of sequence.later) void after(turns).then(() => player.call(call))
  await setImmediate()
  return player.log
}

async function after(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) await undefined
}

/** A promise that a sync disposer returns is nobody's: it must not bring the process down. */
function handled(promise: Promise<unknown>): Promise<unknown> {
  promise.catch(() => {})
  return promise
}

class Player {
  readonly log: string[] = []
  readonly #class: object
  #stack: Stack
  /** The one that everything was last moved away from. */
  #source: Stack
  #turn = 0
  #made = 0
  #last: object = {}

  constructor(stack: Stack) {
    this.#stack = stack
    this.#source = stack
    this.#class = Object.getPrototypeOf(stack)
    const count = (): void => {
      this.#turn += 1
      if (this.#turn < COUNTED) queueMicrotask(count)
    }
    queueMicrotask(count)
  }

  #write(line: string): void {
    this.log.push(`${this.#turn} ${line}`)
  }

  call(call: Call): void {
    try {
      this.#write(`${call.does}: ${this.#resultOf(call)}`)
    } catch (error) {
      this.#write(`${call.does} throws ${shown(error)}`)
    }
  }

  #resultOf(call: Call): string {
    const stack = this.#stack
    switch (call.does) {
      case 'use': {
        const value = this.#resource(call.shape, call.disposer)
        return stack.use(value) === value ? 'its value' : 'something else'
      }
      case 'useBad':
        return Object.is(stack.use(call.value), call.value) ? 'its value' : 'something else'
      case 'adopt':
        return Object.is(stack.adopt(call.value, this.#fn(call.disposer, call.value)), call.value)
          ? 'its value'
          : 'other'
      case 'defer':
        return String(stack.defer(this.#fn(call.disposer)))
      case 'disposed':
        return String(stack.disposed)
      case 'move': {
        const moved = stack.move()
        this.#source = stack
        this.#stack = moved
        return `${moved !== stack} ${Object.getPrototypeOf(moved) === this.#class} ${stack.disposed} ${moved.disposed}`
      }
      case 'disposeAsync':
        return this.#promise(stack.disposeAsync())
      case 'again':
        return this.#promise(this.#source.disposeAsync())
      case 'wrongThis':
        return this.#wrongThis(call.method)
    }
  }

  #wrongThis(method: string): string {
    const owner = this.#class as Record<string, (...args: unknown[]) => unknown>
    const result = method === 'disposed' ? Reflect.get(owner, method, {}) : owner[method]?.call({}, {}, () => {})
    return method === 'disposeAsync' ? this.#promise(result as Promise<void>) : String(result)
  }

  #promise(promise: Promise<void>): string {
    this.#made += 1
    const number = this.#made
    promise.then(
      (value) => this.#write(`promise ${number} resolves to ${value}`),
      (error) => this.#write(`promise ${number} rejects with ${shown(error)}`),
    )
    return `${Object.getPrototypeOf(promise) === Promise.prototype ? 'a promise' : 'no promise'} ${number}`
  }

  /** A disposer that writes down how it was called. */
  #fn(disposer: Disposer | Bad, expected?: unknown): unknown {
    if ('bad' in disposer) return disposer.bad
    this.#made += 1
    const number = this.#made
    const player = this
    return function (this: unknown, ...args: unknown[]): unknown {
      const receiver = this === undefined ? 'no receiver' : (names.get(this as object) ?? 'other')
      const same = args.length === 0 || Object.is(args[0], expected)
      player.#write(`disposer ${number} on ${receiver} with ${args.length} ${same ? 'right' : 'wrong'}`)
      for (const call of disposer.first) player.call(call)
      return player.#end(disposer.ending, number)
    }
  }

  #end(ending: Ending, number: number): unknown {
    switch (ending.as) {
      case 'value':
        return ending.value
      case 'throw':
        throw ending.error
      case 'reject':
        return handled(Promise.reject(ending.error))
      case 'resolve':
        return Promise.resolve('whatever')
      case 'late':
        return after(ending.turns)
      case 'lateNo':
        return handled(after(ending.turns).then(() => Promise.reject(new RangeError(`late ${number}`))))
      default:
        return this.#thenable(ending.as, number)
    }
  }

  #thenable(as: string, number: number): object {
    const error = new EvalError(`${as} ${number}`)
    const then = (resolve: (value: unknown) => void, reject: (error: unknown) => void): void => {
      this.#write(`then of ${number}`)
      if (as === 'thenable') resolve('whatever')
      else if (as === 'thenableNo') reject(error)
      else throw error
    }
    const get = (): unknown => {
      this.#write(`then of ${number} is read`)
      if (as === 'thenGetterThrows') throw error
      return then
    }
    return Object.defineProperty({}, 'then', { get })
  }

  #resource(shape: Shape, disposer: Disposer): object {
    if (shape === 'same again') return this.#last
    const fn = this.#fn(disposer)
    const value = shapeOf(shape, fn, (what) => this.#write(`reads ${what}`))
    names.set(value, 'its value')
    this.#last = value
    return value
  }
}

const names = new WeakMap<object, string>()

function shapeOf(shape: Shape, fn: unknown, read: (what: string) => void): object {
  const { asyncDispose, dispose } = Symbol
  const wrong = (): never => {
    throw new Error('the wrong disposer was called')
  }
  switch (shape) {
    case 'async':
      return { [asyncDispose]: fn }
    case 'sync':
      return { [dispose]: fn }
    case 'both':
      return { [asyncDispose]: fn, [dispose]: wrong }
    case 'async null, then sync':
      return { [asyncDispose]: null, [dispose]: fn }
    case 'async undefined, then sync':
      return { [asyncDispose]: undefined, [dispose]: fn }
    case 'async not callable':
      return { [asyncDispose]: 1, [dispose]: wrong }
    case 'sync not callable':
      return { [dispose]: {} }
    case 'inherited':
      return Object.create({ [asyncDispose]: fn })
    case 'function':
      return Object.assign(() => {}, { [asyncDispose]: fn })
    case 'getter':
      return {
        get [asyncDispose]() {
          read('asyncDispose')
          return undefined
        },
        get [dispose]() {
          read('dispose')
          return fn
        },
      }
    case 'getter throws':
      return {
        get [asyncDispose](): unknown {
          read('asyncDispose')
          throw new RangeError('a getter')
        },
      }
    default:
      return {}
  }
}

/** What there is to say of something thrown, so that two of the same shape read alike. */
function shown(error: unknown, depth = 0): string {
  if (!(error instanceof Error)) return `${typeof error} ${String(error)}`
  const { name } = error.constructor
  const hidden = ['error', 'suppressed'].map((key) => Object.getOwnPropertyDescriptor(error, key))
  if (hidden.every((each) => each === undefined)) {
    // The messages of the stack's own errors are its own affair, those of the disposers are not.
    const own = ['TypeError', 'ReferenceError'].includes(name) && error.message !== 'two'
    return own ? name : `${name} ${error.message}`
  }
  const flags = hidden.map((each) => `${each?.enumerable}${each?.writable}${each?.configurable}`)
  const inside = hidden.map((each) => (depth < 20 ? shown(each?.value, depth + 1) : '…'))
  const message = Object.hasOwn(error, 'message') && error.message !== '' ? 'a message' : 'no message'
  return `${name} (${error.name}, ${flags}, ${message}) { ${inside.join(' over ')} }`
}
