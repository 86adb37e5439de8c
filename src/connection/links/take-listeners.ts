import { EventEmitter, getEventListeners } from 'node:events'
import { isOpenToView, ownValue } from './own-links.ts'

/** Holds nothing, and is there so that an error which comes late does not end the process. */
const ignoreLateError = (): void => {}

/** Takes all listeners off an object, as far as it can be known, and says how many those were. */
export function takeListeners(object: object): number {
  if (!isOpenToView(object)) return 0
  if (object instanceof EventTarget) return takeFromTarget(object)
  return object instanceof EventEmitter || isEmitter(object) ? takeFromEmitter(object) : 0
}

/** An emitter of another make, such as `eventemitter3`. */
interface AnyEmitter {
  eventNames(): readonly (string | symbol)[]
  listeners(event: string | symbol): readonly unknown[]
  removeAllListeners(): unknown
}

function isEmitter(object: object): object is AnyEmitter {
  return ['eventNames', 'listeners', 'removeAllListeners'].every((name) => isMethod(object, name))
}

/** Whether an object has a method, looked up without running a getter. */
function isMethod(object: object, name: string): boolean {
  for (let each: object | null = object; each !== null; each = Reflect.getPrototypeOf(each)) {
    const method = Reflect.getOwnPropertyDescriptor(each, name)
    if (method !== undefined) return typeof method.value === 'function'
  }
  return false
}

function takeFromEmitter(emitter: AnyEmitter): number {
  let taken = 0
  for (const event of emitter.eventNames()) {
    taken += emitter.listeners(event).filter((listener) => listener !== ignoreLateError).length
  }
  emitter.removeAllListeners()
  if (emitter instanceof EventEmitter) emitter.on('error', ignoreLateError)
  return taken
}

/** Node keeps the listeners of an EventTarget under a symbol, and tells of those of one event. */
function takeFromTarget(target: EventTarget): number {
  const symbol = Object.getOwnPropertySymbols(target).find(({ description }) => description === 'kEvents')
  if (symbol === undefined) return 0
  // A Map of Node's own make, whose prototype is not ours.
  const events = [...Map.prototype.keys.call(ownValue(target, symbol))]
  return events.reduce((taken, event) => taken + takeEvent(target, event), 0)
}

function takeEvent(target: EventTarget, event: string): number {
  const before = getEventListeners(target, event).length
  // What was set as `onmessage` would else be known to the target still.
  if (`on${event}` in target) Reflect.set(target, `on${event}`, null)
  for (const listener of getEventListeners(target, event) as Parameters<EventTarget['removeEventListener']>[1][]) {
    target.removeEventListener(event, listener)
    target.removeEventListener(event, listener, { capture: true })
  }
  return before - getEventListeners(target, event).length
}
