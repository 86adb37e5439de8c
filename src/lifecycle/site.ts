import type { LeakLevel, Site } from './contract.ts'

/** How many resources made at one place keep their site at the level `sampled`. */
const KEPT_A_PLACE = 16
/** How many registrations at a place that has had its share are passed over before the next look, at most. */
const LONGEST_PAUSE = 1_024
/** More frames than the library ever has of its own above a user's call. */
const FRAMES = 12

/** This library's own folder: the sources where they are run as they are, else the built files. */
const home = new URL('.', import.meta.url).href.replace(/lifecycle\/$/, '')
const homePath = decodeURI(new URL(home).pathname)

/**
 * Decides which resources keep the place that made them, and finds it.
 *
 * Sites are read at once into plain data: an Error that is kept unread pins every object on its stack. Looking costs
 * microseconds, so a place that has had its share makes the next looks rarer, up to one in 1 024, but only for what is
 * made in masses; a server or a worker is looked at each time.
 */
export class Sites {
  readonly #level: LeakLevel
  readonly #seen = new Map<string, number>()
  #pause = 0
  #skip = 0

  constructor(level: LeakLevel) {
    this.#level = level
  }

  /** The site of the call that is being made to this library, if it is to be kept. */
  of(rare: boolean): Site | undefined {
    if (this.#level === 'off' || this.#level === 'counts') return undefined
    if (this.#level !== 'sampled') return callSite()
    if (!rare && this.#skip > 0) {
      this.#skip -= 1
      return undefined
    }
    const site = callSite()
    return this.#keeps(site, rare) ? site : undefined
  }

  #keeps(site: Site | undefined, rare: boolean): boolean {
    const place = site === undefined ? '' : `${site.file}:${site.line}:${site.column}`
    const seen = (this.#seen.get(place) ?? 0) + 1
    this.#seen.set(place, seen)
    if (seen <= KEPT_A_PLACE || rare) {
      this.#pause = 0
      return true
    }
    this.#pause = Math.min(2 * this.#pause + 1, LONGEST_PAUSE)
    this.#skip = this.#pause
    return false
  }
}

/** The first place on the stack that is neither this library's nor Node's. */
function callSite(): Site | undefined {
  const { prepareStackTrace: prepare, stackTraceLimit: limit } = Error
  let sites: readonly NodeJS.CallSite[] = []
  try {
    Error.stackTraceLimit = FRAMES
    Error.prepareStackTrace = (_error, frames) => frames
    const holder: { stack?: readonly NodeJS.CallSite[] } = {}
    Error.captureStackTrace(holder, callSite)
    sites = holder.stack ?? []
  } catch {
    // A frozen Error (some hardened programs freeze it) keeps no sites: that is no reason to fail.
  } finally {
    restore(prepare, limit)
  }
  const frame = sites.find((site) => isForeign(site.getFileName()))
  return frame && plainSite(frame)
}

function restore(prepare: typeof Error.prepareStackTrace, limit: number): void {
  try {
    Error.stackTraceLimit = limit
    if (prepare === undefined) Reflect.deleteProperty(Error, 'prepareStackTrace')
    else Error.prepareStackTrace = prepare
  } catch {
    // Nothing was changed where nothing can be.
  }
}

function isForeign(file: string | null | undefined): boolean {
  // Modules are known by their URL, scripts and what a test runner compiles by their path.
  return typeof file === 'string' && ![home, homePath, 'node:'].some((own) => file.startsWith(own))
}

function plainSite(frame: NodeJS.CallSite): Site {
  const name = frame.getFunctionName()
  return Object.freeze({
    file: frame.getFileName() ?? '',
    line: frame.getLineNumber() ?? 0,
    column: frame.getColumnNumber() ?? 0,
    ...(name === null ? {} : { function: name }),
  })
}
