import { EventEmitter } from 'node:events'
import { defineKind, type Lifecycle, type Listener, listener } from 'endswell'
import { onTestFinished } from 'vitest'
import type { Sample } from '../contract.ts'

const inTheCall = { cannot: 'it ends in the very call, so there is nothing to wait for' }
const noForce = { cannot: 'it has no second rung' }
const untold = { cannot: 'nothing would tell' }
const error = new Error('its closing failed')

type How = 'ends' | 'hangs' | 'is stuck' | 'fails'

/** Whatever a user brings: a client of something, a piece of work. */
class Client extends EventEmitter {
  gone = false
  readonly ended = Promise.withResolvers<void>()
  readonly #how: How

  constructor(how: How) {
    super()
    this.#how = how
  }

  async quit(): Promise<void> {
    if (this.#how === 'fails') throw error
    if (this.#how === 'ends') this.end()
    else await new Promise(() => {})
  }

  async disconnect(): Promise<void> {
    if (this.#how === 'is stuck') await new Promise(() => {})
    this.end()
  }

  end(): void {
    if (this.gone) return
    this.gone = true
    this.ended.resolve()
    this.emit('end')
  }
}

const isGone = ({ gone }: Client) => gone

export const custom: Sample<Client> = {
  kind: 'custom',
  make: () => new Client('ends'),
  hang: () => new Client('hangs'),
  stuck: () => new Client('is stuck'),
  fail: () => ({ value: new Client('fails'), error: () => error }),
  endByItself: untold,
  isGone,
  use: (life, value, name, options) => life.use(value, { ...options, name, close: 'quit', force: 'disconnect' }),
}

const kind = defineKind<Client>({
  name: 'client',
  matches: (value) => value instanceof Client,
  close: (client) => client.quit(),
  force: (client) => client.disconnect(),
  isGone,
  onGone(client, leave) {
    client.once('end', leave)
    return () => void client.off('end', leave)
  },
})

export const defined: Sample<Client> = {
  ...custom,
  kind: 'client',
  endByItself: (client) => client.end(),
  use: (life, value, name, options) => life.use(value, { ...options, name, kind }),
}

export const silent: Sample<Client> = {
  ...defined,
  use(life, value, name, options) {
    const { onGone: _, ...quiet } = kind
    return life.use(value, { ...options, name, kind: quiet })
  },
  silent: true,
}

/** A class that knows how it ends. */
class Own extends Client implements AsyncDisposable {
  [Symbol.asyncDispose](): Promise<void> {
    return this.quit()
  }
}

export const disposer: Sample<Own> = {
  kind: 'custom',
  make: () => new Own('ends'),
  hang: noForce,
  stuck: () => new Own('hangs'),
  fail: () => ({ value: new Own('fails'), error: () => error }),
  endByItself: untold,
  isGone,
}

export const callback: Sample<Client> = {
  ...custom,
  kind: 'callback',
  hang: noForce,
  use: (life, value, name, options) => life.adopt(value, (client) => client.quit(), { ...options, name }),
}

/** Work that lasts until its client is gone, and that quits the client when it is told to stop. */
function serve(client: Client, signal: AbortSignal): Promise<void> {
  signal.addEventListener('abort', () => client.quit().catch(client.ended.reject))
  return client.ended.promise
}

export const task: Sample<Client> = {
  ...custom,
  kind: 'task',
  hang: noForce,
  endByItself: (client) => client.end(),
  use: (life, value, name, options) => life.task(name, (signal) => serve(value, signal), options),
}

export const scope: Sample<Client & { inside?: Lifecycle }> = {
  ...custom,
  path: '/life/it/client',
  endByItself: (client) => client.inside?.close(),
  use(life, value, name, options) {
    value.inside = life.scope(name, options)
    return custom.use?.(value.inside, value, 'client', {})
  },
}

const timers = (make: () => NodeJS.Timeout | NodeJS.Immediate): Sample<NodeJS.Timeout | NodeJS.Immediate> => ({
  kind: 'timer',
  make() {
    const value = make()
    onTestFinished(() => value[Symbol.dispose]())
    return value
  },
  hang: inTheCall,
  stuck: inTheCall,
  fail: { cannot: 'clearing a timer throws nothing' },
  endByItself: (value) => value[Symbol.dispose](),
  isGone: (value) => '_destroyed' in value && value._destroyed === true,
  silent: true,
})

export const timeout = timers(() => setTimeout(() => {}, 60_000))
export const interval = timers(() => setInterval(() => {}, 60_000))

const listening = (emitter: EventEmitter) => listener(emitter, 'tick', () => {}, { once: true })

export const eventListener: Sample<Listener> = {
  kind: 'listener',
  make: () => listening(new EventEmitter()),
  hang: inTheCall,
  stuck: inTheCall,
  fail() {
    const emitter = new EventEmitter()
    emitter.off = () => {
      throw error
    }
    return { value: listening(emitter), error: () => error }
  },
  endByItself: ({ emitter }) => (emitter as EventEmitter).emit('tick'),
  isGone: ({ emitter }) => (emitter as EventEmitter).listenerCount('tick') === 0,
}
