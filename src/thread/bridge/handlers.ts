import type { Call } from '../serving/call.ts'

/** What a thread serves: functions by name. `this` in them is the {@link Call} that they work on. */
export type Handlers = Readonly<Record<string, (this: Call, ...args: never[]) => unknown>>

/** The names of what a thread serves. */
export type Method<H extends Handlers> = keyof H & string

type Values<T> = AsyncIterator<T, unknown, never> | Iterator<T, unknown, never>
/** What never comes back is none. */
type IsGenerator<T> = [T] extends [never] ? false : T extends Values<unknown> ? true : false

/** The names of those that are generators: they are read with `stream`. */
export type StreamMethod<H extends Handlers> = string extends keyof H
  ? string
  : { [M in Method<H>]: IsGenerator<ReturnType<H[M]>> extends true ? M : never }[Method<H>]

/** The names of the others: they are called with `call`. */
export type CallMethod<H extends Handlers> = string extends keyof H ? string : Exclude<Method<H>, StreamMethod<H>>

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
  : ReturnType<H[M]> extends Values<infer T>
    ? Awaited<T>
    : never
