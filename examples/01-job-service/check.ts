/**
 * Checks from outside, in a process of its own, that a service has ended well: `node check.ts <facts as JSON>`. Exits
 * with 0 only if nothing is left and nothing is lost.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { listens, lives, mentions, processes } from './left.ts'
import { Verdict } from './show.ts'
import type { Row } from './store.ts'

/** What the demo knows of the service that it has stopped. */
export interface Facts {
  readonly directory: string
  readonly pid: number
  readonly port: number
  /** The jobs that the service has promised to run. */
  readonly accepted: readonly string[]
}

const { directory, pid, port, accepted }: Facts = JSON.parse(process.argv[2] ?? '{}')
const verdict = new Verdict()

const pids = readFileSync(join(directory, 'pids'), 'utf8').trim().split('\n').map(Number)
const alive = [pid, ...pids].filter(lives)
verdict.check(alive.length === 0, `${alive.length} of the ${pids.length} processes that jobs have had are left`)

const holders = processes().filter((other) => mentions(other, directory))
verdict.check(
  holders.length === 0,
  `${holders.length} processes have a file of the service open, or were started for it`,
)

const listening = await listens(port)
verdict.check(!listening, `port ${port} ${listening ? 'still accepts' : 'refuses'} connections`)

const journal = existsSync(join(directory, 'jobs.db-wal'))
verdict.check(!journal, `the database was ${journal ? 'left open' : 'closed'}`)

// Not as the service opens it, which takes a job that still runs for one of a service that was killed.
using database = new DatabaseSync(join(directory, 'jobs.db'), { readOnly: true })
const rows = database.prepare('SELECT id, state, sha256 FROM jobs').all() as unknown as Omit<Row, 'serial'>[]
const jobs = new Map(rows.map((job) => [job.id, job]))
const lost = accepted.filter((id) => !jobs.has(id))
verdict.check(lost.length === 0, `${lost.length} of the ${accepted.length} jobs that were promised are lost`)
const secret = jobs.size - (accepted.length - lost.length)
verdict.check(secret === 0, `${secret} jobs began that nobody was promised`)

const states = Object.groupBy(jobs.values(), ({ state }) => state)
const counts = Object.entries(states).map(([state, { length }]) => `${length} ${state}`)
verdict.check(states.active === undefined, `every job has its last state: ${counts.join(', ')}`)
const unverified = states.completed?.filter(({ sha256 }) => !/^[0-9a-f]{64}$/.test(sha256 ?? '')) ?? []
verdict.check(unverified.length === 0, `${unverified.length} of their results were not verified`)

process.exitCode = verdict.holds ? 0 : 1
