/**
 * What is known of the jobs, in SQLite. Shows a resource with a `close` of its own, given to the lifecycle by its name:
 * it is opened first and so closes after everything that writes to it.
 */
import { DatabaseSync } from 'node:sqlite'

/** What a job can be: all but `running` are final. */
export type State = 'running' | 'done' | 'failed' | 'stopped'

/** One row. */
export interface Job {
  readonly id: string
  readonly kind: string
  readonly state: State
  /** Of the job's file, in hex, once it is `done`. */
  readonly sha256: string | null
}

const schema = `
  PRAGMA journal_mode = WAL;
  CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    sha256 TEXT,
    ended INTEGER,
    swept INTEGER NOT NULL DEFAULT 0
  ) STRICT, WITHOUT ROWID;
  UPDATE jobs SET state = 'failed' WHERE state = 'running'; -- the service was killed in the midst of them
`

/** The jobs' table. */
export class Store {
  readonly #database: DatabaseSync
  #serial: number

  constructor(file: string) {
    this.#database = new DatabaseSync(file)
    this.#database.exec(schema)
    this.#serial = Number(this.#database.prepare('SELECT count(*) AS jobs FROM jobs').get()?.['jobs'])
  }

  /** Notes a job that begins, and names it. */
  add(kind: string): string {
    this.#serial += 1
    const id = `${kind}-${this.#serial}`
    this.#database.prepare("INSERT INTO jobs (id, kind, state) VALUES (?, ?, 'running')").run(id, kind)
    return id
  }

  /** Notes how a job ended. */
  end(id: string, state: State, sha256: string | null): void {
    this.#database
      .prepare('UPDATE jobs SET state = ?, sha256 = ?, ended = ? WHERE id = ?')
      .run(state, sha256, Date.now(), id)
  }

  get(id: string): Job | undefined {
    return this.#database.prepare('SELECT id, kind, state, sha256 FROM jobs WHERE id = ?').get(id) as Job | undefined
  }

  all(): Job[] {
    return this.#database.prepare('SELECT id, kind, state, sha256 FROM jobs').all() as unknown as Job[]
  }

  /** Jobs that ended before that moment and still have a file. */
  stale(before: number): string[] {
    const rows = this.#database.prepare('SELECT id FROM jobs WHERE ended < ? AND swept = 0').all(before)
    return rows.map(({ id }) => String(id))
  }

  /** Notes that a job's file is gone. */
  swept(id: string): void {
    this.#database.prepare('UPDATE jobs SET swept = 1 WHERE id = ?').run(id)
  }

  close(): void {
    this.#database.close()
  }
}
