/**
 * Starts the job service in a process of its own, has clients use it for some seconds, locks its database for a while, tells
 * it to stop in the midst of all that, and checks from a third process that nothing is left and nothing is lost: `npm run demo`, or `node demo.ts <ms>`
 * for clients that are busy for a shorter or longer while.
 *
 * `npm run demo -- --hang=database` and `--block=pricing` show a start that fails instead, `--hang=worker` a thread that
 * hangs.
 *
 * The demo is a `run` itself: Ctrl-C at any moment ends the service and all that it has started, in order.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Lifecycle, run } from 'endswell'
import type { Facts } from './check.ts'
import { Counts } from './client.ts'
import { showFailedStart } from './failed-start.ts'
import { type Figures, figuresOf, lostSaves, showFigures } from './figures.ts'
import { showHungWorker } from './hung-worker.ts'
import { Load } from './load.ts'
import { lockDatabase } from './lock.ts'
import { portOf, type Remains, remainsOf, serviceKind, startService } from './service-process.ts'
import { say, showReport, showSnapshot, Verdict } from './show.ts'
import { Watchers } from './watcher.ts'

const options = process.argv.slice(2)
/** A mistake that the service is to make. */
const trouble = options.find((option) => option.startsWith('--'))
/** How many ms the clients have before the service is told to stop. */
const BUSY = Number(options.find((option) => option !== trouble) ?? 5_000)
/** How many ms the whole may take. */
const LIMIT = 60_000
const CLIENTS = 4
const WATCHERS = 3

/** Jobs that run when the service is told to stop. */
const longJobs = ['slow', 'stubborn', 'family']
/** Of all jobs, those that only force can end: all have something stubborn in them. */
const deaf = /\/(stubborn|family|litter)-\d+\/process$/

/** Everyone in the demo. */
interface Scene {
  readonly service: ChildProcess
  readonly remains: Promise<Remains>
  readonly port: number
  readonly counts: Counts
  readonly load: Load
  readonly watchers: Watchers
  readonly visits: readonly Promise<void>[]
}

/** Starts the service and has it used for a while. */
async function begin(life: Lifecycle, directory: string): Promise<Scene> {
  const service = life.use(startService(directory), { name: 'service', kind: serviceKind, grace: 12_000 })
  const remains = remainsOf(service)
  const port = await portOf(service, life.signal)
  say('Started', `process ${service.pid} at http://127.0.0.1:${port}, with ${directory}`)

  const counts = new Counts()
  const load = new Load(life, port, counts)
  const watchers = new Watchers()
  await watchers.open(life, port, WATCHERS)
  const visits = Array.from({ length: CLIENTS }, (_, at) => load.visit(at * 2))
  await sleep((BUSY * 2) / 5, undefined, { signal: life.signal })
  await lockDatabase(directory, BUSY / 5, life.signal)
  await sleep((BUSY * 2) / 5, undefined, { signal: life.signal })
  say(`${CLIENTS} clients and ${WATCHERS} websockets, for ${BUSY / 1_000} s`, `${counts}, ${watchers.news} news`)
  return { service, remains, port, counts, load, watchers, visits }
}

/** What was seen while it stopped. */
interface Stopped {
  /** What became of a job that was ordered too late. */
  readonly tooLate: number | undefined
  /** What it had counted until then. */
  readonly figures: Figures | undefined
}

/** Tells it to stop while it has its hands full. */
async function stop(life: Lifecycle, { service, remains, load, watchers, visits }: Scene): Promise<Stopped> {
  const ids = await Promise.all(longJobs.map((kind) => load.order(load.client(), kind)))
  const running = ids.filter((id) => id !== undefined)
  await watchers.ready(running, life.signal)
  const { halfSent, begun } = await load.linger(running)
  const figures = await figuresOf(load.client())
  if (figures !== undefined) say('What it has counted', showFigures(figures))
  const resources = await load.client().send('GET', '/resources')
  say('What it holds', showSnapshot(JSON.parse(resources?.body ?? '{}')))

  const signalled = performance.now()
  const ended = life.release(service) // By SIGTERM, as its kind says.
  await watchers.over(life.signal)
  halfSent.request.end('kind=quick')
  const tooLate = await halfSent.reply
  await Promise.all([...begun.map(({ reply }) => reply), ...visits])
  await ended
  const { report } = await remains
  life.signal.throwIfAborted()
  const ms = Math.round(performance.now() - signalled)
  say(`SIGTERM with ${begun.length + 1} long requests under way: it ended in ${ms} ms`, showReport(report))
  return { tooLate: tooLate?.status, figures }
}

/** Says what held as the clients see it. */
async function judge({ remains, counts, watchers }: Scene, { tooLate, figures }: Stopped): Promise<boolean> {
  const { status, report } = await remains
  const verdict = new Verdict()
  say('So', '')
  const worse = report?.rows.filter(({ outcome }) => outcome !== 'closed') ?? []
  const forced = worse.filter(({ outcome, path }) => outcome === 'forced' && deaf.test(path)).length
  const asItShould = status === 80 && forced >= 2 && forced === worse.length
  verdict.check(
    asItShould,
    `exit status ${status}: ${forced} jobs deaf to SIGTERM were forced, ${worse.length - forced} others`,
  )
  const heard = worse.filter(({ note }) => note?.includes('SIGTERM?')).length
  verdict.check(heard > 0, `the last words of ${heard} of them are in the report`)
  verdict.check(counts.cut === 0, `the clients had ${counts}`)
  verdict.check(tooLate === 503, `a job that was ordered too late was answered ${tooLate}`)
  const failed = figures?.unsaved.failed ?? 0
  const lost = figures && lostSaves(figures)
  verdict.check(failed > 0 && lost === 0, `${failed} saves failed while the database was locked, ${lost} were given up`)
  const told = watchers.goodbyes.filter((code) => code === 1001).length
  verdict.check(told === WATCHERS, `${told} of ${WATCHERS} websockets were told goodbye (1001)`)
  return verdict.holds
}

/** Has another process say what holds from outside. */
async function check(life: Lifecycle, { service, port, load }: Scene, directory: string): Promise<boolean> {
  const facts: Facts = { directory, pid: service.pid ?? 0, port, accepted: [...load.accepted] }
  const program = join(import.meta.dirname, 'check.ts')
  const checker = spawn(process.execPath, [program, JSON.stringify(facts)], { stdio: 'inherit' })
  life.use(checker, { name: 'checker' })
  const [status] = await once(checker, 'exit')
  return status === 0
}

/** What was asked for. Says whether all has held. */
async function show(life: Lifecycle, directory: string): Promise<boolean> {
  if (trouble === undefined) return await play(life, directory)
  if (trouble === '--hang=worker') return await showHungWorker(life, directory)
  return await showFailedStart(life, directory, trouble)
}

/** The whole demo. Says whether all has held. */
async function play(life: Lifecycle, directory: string): Promise<boolean> {
  const scene = await begin(life, directory)
  const stopped = await stop(life, scene)
  const seen = await judge(scene, stopped)
  return (await check(life, scene, directory)) && seen
}

await run(
  'demo',
  async (life) => {
    process.exitCode = 1 // Until all has held.
    life.after('limit', LIMIT, () => void life.close({ reason: 'the demo took too long' }))
    const directory = mkdtempSync(join(tmpdir(), 'endswell-demo-'))
    // Not by the lifecycle: in a hurry it forces all at once, and this must wait until nobody writes there any more.
    process.once('exit', () => rmSync(directory, { recursive: true, maxRetries: 5 }))
    if (!(await show(life, directory))) return
    process.exitCode = 0
    say('All is well that ends well.', '')
  },
  { until: 'main', report: false, signals: ['SIGINT', 'SIGTERM', 'SIGHUP'] },
)
