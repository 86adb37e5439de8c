import { Gate } from './gate.ts'

type Values = AsyncIterator<unknown> | Iterator<unknown>

/** The iterator of what a handler of a stream has returned; `undefined` where it is none. */
export function valuesOf(result: unknown): Values | undefined {
  if (typeof result !== 'object' || result === null) return undefined
  const { [Symbol.asyncIterator]: later, [Symbol.iterator]: now } = result as Partial<
    AsyncIterable<unknown> & Iterable<unknown>
  >
  return later?.call(result) ?? now?.call(result)
}

/** The values of a call, taken from its handler one by one, no more than its caller wants. */
export class ServedStream {
  readonly #call: { readonly cancelled: boolean }
  readonly #values: Values
  #credit: number
  #gate: Gate | undefined = undefined

  constructor(call: { readonly cancelled: boolean }, values: Values, credit: number) {
    this.#call = call
    this.#values = values
    this.#credit = credit
  }

  /** So many more values are wanted. */
  add(credit: number): void {
    this.#credit += credit
    this.wake()
  }

  /** There is something to look at: credit, or that the call is cancelled. */
  wake(): void {
    this.#gate?.open()
    this.#gate = undefined
  }

  /**
   * Hands each value to `give`.
   *
   * @returns what the handler returns. Where the call is cancelled, the handler's `finally` has run then.
   */
  async run(give: (value: unknown) => void): Promise<unknown> {
    const call = this.#call
    for (;;) {
      while (this.#credit === 0 && !call.cancelled) {
        this.#gate = new Gate()
        await this.#gate.opened
      }
      if (call.cancelled) break
      const { done, value } = await this.#values.next()
      if (done === true) return value
      const item = await value
      if (call.cancelled) break
      give(item)
      this.#credit -= 1
    }
    await this.#values.return?.()
    return undefined
  }
}
