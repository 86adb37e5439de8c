import { dirname } from 'node:path'
import { atomicWrite } from '../../lifecycle/atomic-write.ts'
import { builtin } from '../../lifecycle/builtin.ts'
import { coded } from '../../lifecycle/errors.ts'
import { removeLeftovers } from '../../lifecycle/leftovers.ts'
import { unlessMissing } from '../../lifecycle/unless-missing.ts'

const NONE = 'none'

/** A file that one buffer alone writes, each time as a whole: whenever the process is killed, it is the old or the new one. */
export class SpillFile {
  readonly #path: string
  readonly #mode: number
  /** What it was when we last read or wrote it. */
  #known = NONE

  constructor(path: string, mode: number) {
    this.#path = path
    this.#mode = mode
  }

  /** What is in it, if it is there. What killed processes have left beside it is removed. */
  async read(): Promise<string> {
    // Without its folder nothing could be written either: better known now than when the database is away.
    await builtin('node:fs').promises.access(dirname(this.#path))
    await removeLeftovers(this.#path)
    this.#known = await this.#look()
    return await unlessMissing(builtin('node:fs').promises.readFile(this.#path, 'utf8'), '')
  }

  /** Keeps a copy of it as it is, under a name of its own. */
  async keepCopy(): Promise<void> {
    const content = await builtin('node:fs').promises.readFile(this.#path)
    await atomicWrite(`${this.#path}.corrupt`, content, { mode: this.#mode })
  }

  /** Writes it anew. Where there is nothing to write, there is no file. */
  async write(text: string): Promise<void> {
    const found = await this.#look()
    if (found !== this.#known && found !== NONE) throw writtenByAnother(this.#path)
    try {
      if (text === '') await unlessMissing(builtin('node:fs').promises.unlink(this.#path), undefined)
      else await atomicWrite(this.#path, text, { mode: this.#mode })
    } finally {
      // A write that failed may have been over but for its folder.
      this.#known = await this.#look()
    }
  }

  async #look(): Promise<string> {
    const found = await unlessMissing(builtin('node:fs').promises.stat(this.#path, { bigint: true }), undefined)
    return found === undefined ? NONE : `${found.dev}:${found.ino}:${found.mtimeNs}:${found.size}`
  }
}

function writtenByAnother(path: string): Error {
  const text = `${path} was written by somebody else since this buffer last did. Give each buffer a file of its own.`
  return coded(new Error(text), 'ERR_MISPLACED')
}
