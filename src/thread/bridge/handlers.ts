import type { Call } from '../serving/call.ts'

/** What a thread serves: functions by name. `this` in them is the {@link Call} that they work on. */
export type Handlers = Readonly<Record<string, (this: Call, ...args: never[]) => unknown>>

/** The names of what a thread serves. */
export type Method<H extends Handlers> = keyof H & string

/** What a method is called with. Where nothing is known of the handlers, that can be anything. */
export type Arguments<H extends Handlers, M extends Method<H>> = string extends keyof H
  ? readonly unknown[]
  : H[M] extends (this: Call, ...args: infer A) => unknown
    ? readonly [...A]
    : never

/** What a method brings. Where nothing is known of the handlers, that can be anything. */
export type Result<H extends Handlers, M extends Method<H>> = string extends keyof H
  ? unknown
  : Awaited<ReturnType<H[M]>>

/** What a method brings bit by bit: the values that its generator yields. */
export type StreamItem<H extends Handlers, M extends Method<H>> = string extends keyof H
  ? unknown
  : ReturnType<H[M]> extends AsyncIterator<infer T, unknown, never> | Iterator<infer T, unknown, never>
    ? Awaited<T>
    : never
