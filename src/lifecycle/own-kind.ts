import { LONGEST_TIMEOUT } from './check.ts'
import { EndswellError } from './errors.ts'
import type { CloseContext, Kind } from './kind.ts'
import type { Home, Voice } from './voice.ts'

/** The key under which an object brings its own kind along: this library's pools, caches and queues do. */
export const ownKind: unique symbol = Symbol.for('endswell.kind') as typeof ownKind

/** The kind that a value brings along, if any. */
export function ownKindOf(value: unknown): Kind | undefined {
  return (value as { readonly [ownKind]?: Kind } | undefined)?.[ownKind]
}

/** A kind that is also told where its resource stands. */
export interface HomingKind<T = unknown> extends Kind<T> {
  onGone?(value: T, leave: () => void, home?: Home): (() => void) | undefined
}

/** Something that ends by one method, whose timeout a later call can only shorten, and which never rejects. */
interface Closable {
  close(options?: { timeout?: number }): Promise<unknown>
}

/** What makes a class a kind of its own. */
interface OwnKindParts<T> {
  /** One word, such as `pool`. */
  readonly name: string
  /** Its voice, by which it also leaves. */
  voiceOf(value: T): Voice
  /** A few words for the inspector, such as `3 of 10 in use`. */
  describe(value: T): string
  /** A sentence for the report, if there is something to say. */
  note?(value: T): string | undefined
  /** Whether something in it was lost when it closed, such as a save: that is no gentle end. */
  hasLost?(value: T): boolean
  /** Whether something of it goes on although it has closed, such as a task that cannot be stopped. */
  goesOn?(value: T): boolean
}

/**
 * The kind of a class of this library. Closing waits as long as its grace allows; forcing shortens that to nothing. What
 * is closed by hand leaves its lifecycle by itself, and as long as it is in one its events are heard there.
 */
export function defineOwnKind<T extends Closable>(parts: OwnKindParts<T>): Kind<T> {
  const { name, voiceOf, describe, note, hasLost, goesOn } = parts
  const end = async (value: T, timeout: number, context: CloseContext): Promise<void> => {
    await value.close({ timeout })
    const text = note?.(value)
    if (text !== undefined) context.note(text)
    const { path } = voiceOf(value)
    // Thrown while closing it makes the outcome `failed`, thrown while forcing, `abandoned`.
    if (goesOn?.(value)) throw new EndswellError('ERR_ABANDONED', `${path} has closed, but ${text}.`, { path })
    if (timeout > 0 && hasLost?.(value))
      throw new EndswellError('ERR_DROPPED', `${path} has closed, but ${text}.`, { path })
  }
  const kind: HomingKind<T> = {
    name,
    matches: () => false,
    close: (value: T, context: CloseContext) => end(value, LONGEST_TIMEOUT, context),
    force: (value: T, context: CloseContext) => end(value, 0, context),
    isGone: (value) => voiceOf(value).isOver,
    onGone: (value, leave, home) => home && voiceOf(value).join(home, leave),
    describe,
  }
  return Object.freeze(kind)
}
