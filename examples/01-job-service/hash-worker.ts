/**
 * A thread that hashes files. Shows the other end of a bridge: a plain object of functions is served, each call's signal
 * reaches what it does, and what is under way when the service ends is finished first.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { type Call, serve } from 'endswell/serve'

export const handlers = {
  /** The SHA-256 of a file, in hex. */
  async hash(this: Call, file: string): Promise<string> {
    const hash = createHash('sha256')
    await pipeline(createReadStream(file), hash, { signal: this.signal })
    return hash.digest('hex')
  },

  /** The mistake of `--hang=worker`: it never gives the thread back. */
  spin(): never {
    for (;;);
  },
}

serve(handlers)
