import type { Clock } from './clock.ts'
import type { ResourceOptions, Site, State } from './contract.ts'
import { debugListener } from './debug.ts'
import { Entries } from './entries.ts'
import { type Descending, ENDED, Entry, LIVE, type Method } from './entry.ts'
import { coded } from './errors.ts'
import type { LifecycleEvent } from './event.ts'
import { isHeard, publish } from './events.ts'
import type { Kind } from './kind.ts'
import { findPlace, PLAIN, type Place, settleAt } from './place.ts'
import { type Settings, scopeSettings } from './settings.ts'
import { Sites } from './site.ts'
import type { Tally } from './tally.ts'
import { watchEnd } from './watch-end.ts'

/** The closing that is under way in a scope, or over, as the scope knows it. */
export interface Run {
  readonly tally: Tally
  readonly done: boolean
  /** Somebody waits for all of it while its disposer under way is: perhaps that very disposer. */
  joined: boolean
  /** An entry has left the list, by whatever way. */
  left(entry: Entry): void
}

/**
 * The inside of one lifecycle: what it holds, where it stands, and its place among others. The class `Lifecycle` is
 * its face; `move()` gives the same inside to a new face.
 */
export class Scope {
  readonly settings: Settings
  readonly entries = new Entries()
  readonly sites: Sites
  name: string
  parent: Scope | undefined
  /** Its own entry in its parent. */
  place: Entry | undefined = undefined
  state: State = 'open'
  closing: Run | undefined = undefined
  /** The entries that are on their way down right now. */
  under: Set<Descending> | undefined = undefined
  /** Whether `use(null)` was called: the standard then waits a turn, if nothing else made it wait. */
  awaitsOnce = false
  /** Told when something fatal failed in or below; the root's decides what to do. */
  onFatal: ((error: unknown, path: string) => void) | undefined = undefined
  listeners: Set<(event: LifecycleEvent) => void> | undefined = undefined
  /** The one above that hears what happens here. */
  heardBy: Scope | undefined
  /** Whether something in it did not close gently, so that it may still throw. */
  mayEcho = false
  #serial = 0
  #onStack = 0
  #scopeSettings: Settings | undefined = undefined
  #controller: AbortController | undefined = undefined
  #path: string | undefined = undefined
  #madeAt: Site | undefined = undefined

  constructor(name: string, settings: Settings, parent: Scope | undefined) {
    this.name = name
    this.settings = settings
    this.parent = parent
    this.heardBy = parent
    this.sites =
      parent !== undefined && parent.settings.leaks === settings.leaks ? parent.sites : new Sites(settings.leaks)
    const debug = parent === undefined ? debugListener() : undefined
    if (debug !== undefined) this.listeners = new Set([debug])
  }

  /** The topmost one that it is in, or itself. */
  get root(): Scope {
    return this.parent?.root ?? this
  }

  /** The settings of scopes inside that set nothing themselves: the same object for all of them. */
  get scopeSettings(): Settings {
    this.#scopeSettings ??= scopeSettings({}, this.settings)
    return this.#scopeSettings
  }

  get clock(): Clock {
    return this.settings.clock
  }

  /** Names from the root: it stays what it was when the scope leaves its parent. */
  get path(): string {
    this.#path ??= `${this.parent?.path ?? ''}/${this.place?.label ?? this.name}`
    return this.#path
  }

  pathOf(entry: Entry): string {
    return `${this.path}/${entry.label}`
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.state !== 'open') this.#controller.abort()
    return this.#controller.signal
  }

  /** Takes no more resources from now on. */
  shut(): void {
    this.state = 'closing'
    this.#controller?.abort()
  }

  /** Refuses to go on where the lifecycle takes no more. Exactly a ReferenceError: the standard compares the class. */
  checkOpen(): void {
    if (this.state === 'open') return
    throw coded(new ReferenceError(`${this.path} is ${this.state} and takes no more resources.`), 'ERR_CLOSED')
  }

  /** Checks where a resource is to stand, before anything changes. */
  placeOf(options: ResourceOptions, more: readonly string[] = [], value?: unknown): Place | undefined {
    return options === PLAIN ? undefined : findPlace(this, options, more, value)
  }

  /** Registers a resource. The caller has checked that the scope is open. */
  add(kind: Kind, value: unknown, method: Method | undefined, place: Place | undefined): Entry {
    const { leaks } = this.settings
    this.#serial += 1
    const born = leaks === 'off' ? -1 : Math.floor(this.clock.now() / 1_000)
    const entry = new Entry(kind, value, method, this.#serial, born)
    if (place !== undefined) settleAt(entry, place)
    this.entries.add(entry)
    const site = leaks === 'off' ? undefined : (this.#madeAt ?? this.sites.of(kind.onGone !== undefined))
    if (site !== undefined) entry.detailed().site = site
    if (this.observes('resource.created')) this.publish('resource.created', entry)
    if (kind.onGone !== undefined) watchEnd(this, entry)
    else if (kind.isGone !== undefined) this.entries.watchSilently(entry, isGone, (gone) => this.left(gone))
    return entry
  }

  /** Has what `register` registers belong to a place that was seen before: by then the stack knows it no more. */
  madeAt(site: Site | undefined, register: () => void): void {
    this.#madeAt = site
    try {
      register()
    } finally {
      this.#madeAt = undefined
    }
  }

  /** Takes out an entry that has ended by itself. */
  left(entry: Entry): void {
    if (entry.state === ENDED) return
    this.remove(entry)
    if (this.observes('resource.left')) this.publish('resource.left', entry)
  }

  /** Takes out an entry, whatever became of it. */
  remove(entry: Entry): void {
    this.unlink(entry)
    this.closing?.left(entry)
  }

  /** Takes an entry out of the list, and our listeners off its resource. */
  unlink(entry: Entry): void {
    this.entries.remove(entry)
    const unwatch = entry.detail?.unwatch
    if (unwatch === undefined) return
    entry.detailed().unwatch = undefined
    try {
      unwatch()
    } catch (error) {
      if (this.observes('resource.error')) this.publish('resource.error', entry, { error })
    }
  }

  /** Says that a disposer of it is called now: what closes above it must know, too. */
  enter(): void {
    for (let scope: Scope | undefined = this; scope !== undefined; scope = scope.parent) scope.#onStack += 1
  }

  /** Says that the disposer has returned. */
  exit(): void {
    for (let scope: Scope | undefined = this; scope !== undefined; scope = scope.parent) scope.#onStack -= 1
  }

  /** Whether a disposer in it, however deep, is on the stack right now. */
  get calling(): boolean {
    return this.#onStack > 0
  }

  /** Everything in it has ended. */
  finish(): void {
    this.state = 'closed'
    this.entries.clear()
    const { heardBy } = this
    this.detach()
    if (!this.mayEcho) return
    this.heardBy = heardBy
    if (heardBy !== undefined) heardBy.mayEcho = true
  }

  /** Leaves its parent, keeping its path, so that a closed scope holds nothing of the house it stood in. */
  detach(): void {
    const { parent, place } = this
    if (parent === undefined) return
    this.#path = this.path
    for (let above: Scope | undefined = parent; above !== undefined; above = above.parent)
      above.#onStack -= this.#onStack
    this.parent = undefined
    this.heardBy = undefined
    this.place = undefined
    if (place?.state === LIVE) parent.left(place)
  }

  /** Whether anybody listens to such events: looked up before one is made. */
  observes(type: LifecycleEvent['type']): boolean {
    return isHeard(this, type)
  }

  /** Tells of an entry, or of the lifecycle itself. */
  publish(type: LifecycleEvent['type'], entry: Entry | undefined, more: Partial<LifecycleEvent> = {}): void {
    const path = entry === undefined ? this.path : this.pathOf(entry)
    publish(this, Object.freeze({ type, path, kind: entry?.kind.name ?? 'lifecycle', ...more }))
  }
}

/** A kind that cannot tell is taken to say no: the resource stays until the closing. */
function isGone({ kind, value }: Entry): boolean {
  try {
    return kind.isGone?.(value) === true
  } catch {
    return false
  }
}
