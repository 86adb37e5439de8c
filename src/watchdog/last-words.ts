import type { Block } from './block.ts'

/** Says on the main thread what there is to say, and ends the process. */
export type LastWords = (block: Block) => void

/**
 * Where the watchdog's thread finds the last words of each watchdog, by the number of its thread. It knows nothing of the
 * main thread's modules, but all see the same globals. This is protocol 1.
 */
const key = Symbol.for('endswell.watchdog.1')

type Home = { [key]?: Map<number, LastWords> }

/** On the main thread: these are the last words from now on. The returned function takes them back. */
export function keepLastWords(threadId: number, lastWords: LastWords): () => void {
  const home = globalThis as Home
  home[key] ??= new Map()
  home[key].set(threadId, lastWords)
  return () => {
    home[key]?.delete(threadId)
    if (home[key]?.size === 0) delete home[key]
  }
}

/** In the watchdog's thread: the expression by which the main thread says its last words. */
export function callLastWords(threadId: number, block: Block): string {
  return `globalThis[Symbol.for(${JSON.stringify(key.description)})].get(${threadId})(${JSON.stringify(block)})`
}
