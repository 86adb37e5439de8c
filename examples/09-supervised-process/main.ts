/**
 * A process that is kept running: when it crashes it is begun again, and its owner is told why. What a life has started
 * ends with it, also the part that is deaf to SIGTERM, so the next one finds its lock free.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Lifecycle } from 'endswell'
import { type ChildExit, superviseProcess } from 'endswell/process'

/** A mailer whose helper is deaf to SIGTERM, and which crashes in its first two lives. */
const mailer = `
echo >> lives
(trap '' TERM; exec sleep 60) &
echo "ready in life $(wc -l < lives)"
[ "$(wc -l < lives)" -gt 2 ] || { echo 'the queue is corrupt' >&2; exit 3; }
wait
`

const directory = mkdtempSync(join(tmpdir(), 'endswell-mailer-'))
const life = new Lifecycle({ name: 'shop', grace: 100 })
life.defer(() => rmSync(directory, { recursive: true }))
const steady = Promise.withResolvers<void>()
life.subscribe(({ type, state, incarnation, cause }) => {
  if (type !== 'supervised.changed') return
  if (state === 'ready' && incarnation === 3) steady.resolve()
  const { code, lastWords } = (cause ?? {}) as Partial<ChildExit>
  console.log(`life ${incarnation} ${state}${code ? `: exited with ${code}, said '${lastWords?.at(-1)}'` : ''}`)
})

const kept = superviseProcess(
  life,
  { name: 'mailer', command: 'sh', args: ['-c', mailer], cwd: directory, readyWhen: /^ready/ },
  { backoff: { first: 10 } },
)
await steady.promise
console.log(`it runs in life ${kept.incarnation}, after ${kept.restarts} restarts`)
const { rows } = await life.close()
for (const { path, outcome } of rows.toSorted((a, b) => (a.path < b.path ? -1 : 1))) console.log(`${path}: ${outcome}`)
