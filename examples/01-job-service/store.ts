/**
 * What is known of the jobs for good, in SQLite. Shows a pool: connections are lent and given back whatever happens, one
 * that has gone bad is replaced, and the closing waits for those that are in use.
 */
import { DatabaseSync } from 'node:sqlite'
import { ConnectionPool } from 'endswell/connection'

/** What a job can be: all but `active` are final. */
export type State = 'active' | 'completed' | 'failed' | 'cancelled'

/** One row. */
export interface Row {
  readonly id: string
  readonly serial: number
  readonly state: State
  /** Of the job's log, in hex, once it is `completed`. */
  readonly sha256: string | null
}

/** The connections to the database. */
export type Connections = ConnectionPool<DatabaseSync>

const schema = `
  PRAGMA journal_mode = WAL;
  CREATE TABLE IF NOT EXISTS jobs (
    serial INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    sha256 TEXT
  ) STRICT;
  UPDATE jobs SET state = 'failed' WHERE state = 'active'; -- the service was killed in the midst of them
`

/** Opens the database, and makes sure of its table. */
export async function openConnections(file: string): Promise<Connections> {
  const connections = new ConnectionPool({
    create: () => new DatabaseSync(file),
    destroy: (database) => database.close(),
    validate: (database) => database.isOpen,
    max: 4,
  })
  await connections.with((database) => database.exec(schema))
  return connections
}

/** The jobs' table. */
export class Store {
  readonly #connections: Connections

  constructor(connections: Connections) {
    this.#connections = connections
  }

  /** Notes how a job stands. Rejects where the database is locked: then it is tried again. */
  async save({ serial, id, state, sha256 }: Row): Promise<void> {
    const upsert = `
      INSERT INTO jobs (serial, id, state, sha256) VALUES (?, ?, ?, ?)
      ON CONFLICT (serial) DO UPDATE SET state = excluded.state, sha256 = excluded.sha256
    `
    await this.#connections.with((database) => database.prepare(upsert).run(serial, id, state, sha256))
  }

  async get(id: string): Promise<Row | undefined> {
    return await this.#connections.with(
      (database) => database.prepare('SELECT * FROM jobs WHERE id = ?').get(id) as Row | undefined,
    )
  }

  async all(): Promise<readonly Row[]> {
    return await this.#connections.with((database) => database.prepare('SELECT * FROM jobs').all() as unknown as Row[])
  }

  /** The highest number that a job has had. */
  async last(): Promise<number> {
    const row = await this.#connections.with((database) =>
      database.prepare('SELECT max(serial) AS last FROM jobs').get(),
    )
    return Number(row?.['last'])
  }
}
