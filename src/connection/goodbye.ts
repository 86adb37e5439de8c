import type { Duplex } from 'node:stream'

/**
 * How many ms a client gets for what needs no answer of the program: to finish a header, or to take a goodbye. It gets
 * half the grace where that is less, so that it alone never makes a close a forced one.
 */
export const PATIENCE = 1_000

/**
 * Ends the writing side, after `last` where one is given, and leaves the rest to the other end.
 *
 * A program that goes on writing, or a client that has gone, makes an error of it. Without a listener that would be an
 * uncaught exception in the midst of a shutdown; it says no more than that the connection is over, which was the wish.
 */
export function sayGoodbye(stream: Duplex, last?: Uint8Array): void {
  stream.on('error', () => {})
  if (stream.writable) stream.end(last)
  // Whoever reads nothing would not see that the other end has hung up.
  if (stream.readableFlowing === null) stream.resume()
}

/** Sends what is still to be sent, then hangs up without waiting for the other end. */
export function hangUp(stream: Duplex): void {
  if (stream.writable) stream.end()
  if (stream.writableFinished) stream.destroy()
  else stream.once('finish', () => stream.destroy())
}
