import type { Outcome, Site } from './contract.ts'
import type { Kind } from './kind.ts'

/** Where an entry stands: in use, on its way out, or no longer in its lifecycle. */
export const LIVE = 0
/** See {@link LIVE}. */
export const ENDING = 1
/** See {@link LIVE}. */
export const ENDED = 2

/** The method that a resource is ended by, where its kind leaves that to the entry. */
export type Method = (this: unknown, ...args: unknown[]) => unknown

/**
 * One resource in a lifecycle: a link of its list.
 *
 * A million of these may be open at once, so what most of them lack lives in {@link Detail}, made when first needed.
 */
export class Entry {
  previous: Entry | undefined = undefined
  next: Entry | undefined = undefined
  state: typeof LIVE | typeof ENDING | typeof ENDED = LIVE
  detail: Detail | undefined = undefined
  readonly kind: Kind
  readonly value: unknown
  readonly method: Method | undefined
  /** Its number in the order of registration, from 1. */
  readonly serial: number
  /** The second of the lifecycle's clock in which it was registered; -1 where the leak level is `off`. */
  readonly born: number

  constructor(kind: Kind, value: unknown, method: Method | undefined, serial: number, born: number) {
    this.kind = kind
    this.value = value
    this.method = method
    this.serial = serial
    this.born = born
  }

  /** Whether nothing that is still there depends on it. */
  get isFree(): boolean {
    const dependants = this.detail?.dependants
    return dependants === undefined || dependants.size === 0
  }

  /** Its detail, made now if there was none. */
  detailed(): Detail {
    this.detail ??= new Detail()
    return this.detail
  }

  /** Calls back once, when it has ended in a closing or a release. */
  whenEnded(callback: (outcome: Outcome, error: unknown) => void): void {
    const detail = this.detailed()
    detail.onEnded ??= []
    detail.onEnded.push(callback)
  }

  /** Its last name in paths: the one it was given, numbered from the second of that name on, or kind and number. */
  get label(): string {
    const { name, repeat } = this.detail ?? nothing
    if (name === undefined) return `${this.kind.name}#${this.serial}`
    return repeat === 1 ? name : `${name}#${repeat}`
  }
}

/** The way down of one resource, as its entry knows it. */
export interface Descending {
  readonly entry: Entry
  /** Somebody waits for the whole closing while this is under way: perhaps its own disposer. */
  joined: boolean
  /** Forces it now. */
  force(): void
}

/** What only some entries have. */
export class Detail {
  name: string | undefined = undefined
  /** Which of the entries of that name it is, from 1. */
  repeat = 1
  grace: number | undefined = undefined
  last = false
  site: Site | undefined = undefined
  /** The entries still there that depend on this one. */
  dependants: Set<Entry> | undefined = undefined
  /** The entries still there that this one depends on. */
  dependencies: Set<Entry> | undefined = undefined
  /** Takes the listeners off that tell when the resource ends by itself. */
  unwatch: (() => void) | undefined = undefined
  /** Its way down, once it is released or forced. */
  ladder: Descending | undefined = undefined
  /** Those who wait for its end. */
  onEnded: ((outcome: Outcome, error: unknown) => void)[] | undefined = undefined
}

const nothing = new Detail()
