import { wrongType } from '../../lifecycle/check.ts'
import { RetryEntry } from './retry-line.ts'
import type { SpillOptions } from './retry-options.ts'

/** How items become lines, and lines items. */
type Coder<T> = Required<Pick<SpillOptions<T>, 'encode' | 'decode'>>

/** What could be read of a file. */
interface Found<T> {
  readonly entries: RetryEntry<T>[]
  /** How many lines could not. */
  readonly corrupt: number
}

/** The line of an item: the sum of what follows, and that as JSON, which never holds the end of a line. */
export function toLine<T>(coder: Coder<T>, key: string, item: T, since: number): string {
  const value = coder.encode(item)
  // Inside an array JSON makes it null, and nobody would see what was lost.
  if (JSON.stringify(value) === undefined) throw wrongType('The item', 'something that JSON can hold', value)
  const json = JSON.stringify([key, since, value])
  return `${sumOf(json)} ${json}`
}

/** Reads the lines of a file, and passes over those that were cut, changed, or do not mean anything. */
export function fromText<T>(coder: Coder<T>, text: string): Found<T> {
  const entries: RetryEntry<T>[] = []
  let corrupt = 0
  for (const line of text.split('\n')) {
    if (line === '') continue
    const entry = fromLine(coder, line)
    if (entry === undefined) corrupt += 1
    else entries.push(entry)
  }
  return { entries, corrupt }
}

function fromLine<T>(coder: Coder<T>, line: string): RetryEntry<T> | undefined {
  const json = line.slice(9)
  if (line.slice(0, 9) !== `${sumOf(json)} `) return undefined
  try {
    const [key, since, value] = JSON.parse(json) as [string, number, unknown]
    return new RetryEntry(key, coder.decode(value), since, line)
  } catch {
    // Whoever wrote that line knew another form of the items. The file that it is in is kept.
    return undefined
  }
}

/** FNV-1a with 32 bits, as eight digits: enough to see that something is not what was written. */
function sumOf(text: string): string {
  let sum = 0x811c9dc5
  for (let at = 0; at < text.length; at += 1) sum = Math.imul(sum ^ text.charCodeAt(at), 0x01000193)
  return (sum >>> 0).toString(16).padStart(8, '0')
}
