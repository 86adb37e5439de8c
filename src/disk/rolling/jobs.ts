/** Something that is to be done with a file, after all that was asked for before. */
export type Job = Append | Task

/** What both have. */
interface Promised {
  resolve(value?: unknown): void
  reject(error: unknown): void
}

/** Bytes that are to be added. */
export interface Append extends Promised {
  readonly data: string | Uint8Array
  readonly bytes: number
}

/** Anything else. */
export interface Task extends Promised {
  readonly data?: never
  run(): Promise<unknown>
}

/** Jobs in a row, and how many bytes wait in it. */
export class Jobs {
  #row: Job[] = []
  /** Where the row begins: what stands before has been taken. */
  #from = 0
  #bytes = 0

  /** How many bytes wait to be added. */
  get bytes(): number {
    return this.#bytes
  }

  get size(): number {
    return this.#row.length - this.#from
  }

  get first(): Job | undefined {
    return this.#row[this.#from]
  }

  push(job: Job): void {
    this.#row.push(job)
    if (job.data !== undefined) this.#bytes += job.bytes
  }

  shift(): Job | undefined {
    const job = this.#row[this.#from]
    if (job === undefined) return undefined
    this.#from += 1
    if (job.data !== undefined) this.#bytes -= job.bytes
    if (this.#from === this.#row.length || this.#from >= 1_024) {
      this.#row = this.#row.slice(this.#from)
      this.#from = 0
    }
    return job
  }

  /** Takes as many appends as have room, which is at least one if there is one. */
  takeAppends(room: number): Append[] {
    const taken: Append[] = []
    let bytes = 0
    for (let job = this.first; job?.data !== undefined; job = this.first) {
      if (taken.length > 0 && bytes + job.bytes > room) break
      bytes += job.bytes
      taken.push(job)
      this.shift()
    }
    return taken
  }
}
