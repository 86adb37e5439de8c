/**
 * A kind of your own: how one sort of resource ends, as data. The lifecycle then knows it wherever it meets it, names it,
 * and takes it out when it ends by itself.
 */
import { once } from 'node:events'
import { type FSWatcher, watch } from 'node:fs'
import { defineKind, Lifecycle } from 'endswell'

const watcher = defineKind<FSWatcher>({
  name: 'watcher',
  matches: (value) => (value as object | null)?.constructor?.name === 'FSWatcher',
  async close(files) {
    files.close()
    await once(files, 'close')
  },
  onGone(files, leave) {
    files.once('close', leave)
    return () => files.off('close', leave)
  },
  describe: () => 'in this folder',
})

const life = new Lifecycle({ name: 'builder', kinds: [watcher] })
const sources = life.use(watch(import.meta.dirname), { name: 'sources' })
life.use(watch(import.meta.dirname), { name: 'assets' })
for (const { path, kind, description } of life.snapshot().resources) console.log(`${path}: ${kind}, ${description}`)

sources.close()
await once(sources, 'close')
console.log(`${life.snapshot().size} held when one has ended by itself`)

const { counts, rows } = await life.close({ reason: 'the example is over' })
console.log(`${counts.closed} closed: ${rows.map(({ path, kind }) => `${path}, a ${kind}`)}`)
