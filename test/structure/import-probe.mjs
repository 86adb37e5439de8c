// Imports the module named by its argument and prints, as JSON, what that did besides: `effects`, and the modules of
// Node that it loaded: `loaded`.
import { createHook } from 'node:async_hooks'

const effects = []
const quiet = /^(PROMISE|TickObject|Microtask|FSREQ|FILEHANDLE)/
const hook = createHook({ init: (_id, type) => quiet.test(type) || effects.push(`starts a ${type}`) })
const env = process.env

/** Notes a read of the environment, but not one by Node's own loader. It is always true. */
function read(_env, name) {
  const reader = new Error('where').stack.split('\n')[3]
  if (!reader.includes('node:internal')) effects.push(`reads process.env.${String(name)}`)
  return true
}

function listeners() {
  return new Map(process.eventNames().map((event) => [event, process.listenerCount(event)]))
}

// What the first import of a program does, it does for Node.
const nothing = 'data:text/javascript,'
await import(nothing)
const before = {
  listeners: listeners(),
  globals: new Set(Reflect.ownKeys(globalThis)),
  modules: process.moduleLoadList.length,
}
process.env = new Proxy(env, {
  get: (...call) => read(...call) && Reflect.get(...call),
  has: (...call) => read(...call) && Reflect.has(...call),
  set: (_env, name, value) => effects.push(`writes process.env.${name}`) && Reflect.set(env, name, value),
  ownKeys: () => read(env, '*') && Reflect.ownKeys(env),
})
hook.enable()
await import(process.argv[2])
hook.disable()
process.env = env

for (const [event, count] of listeners()) {
  if (count !== (before.listeners.get(event) ?? 0)) effects.push(`listens to '${String(event)}' of process`)
}
for (const name of Reflect.ownKeys(globalThis)) {
  if (!before.globals.has(name)) effects.push(`defines the global ${String(name)}`)
}
const loaded = process.moduleLoadList.slice(before.modules).map((entry) => entry.split(' ')[1])
process.stdout.write(JSON.stringify({ effects: [...new Set(effects)], loaded }), () => process.exit())
