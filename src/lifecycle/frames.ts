import { readFileSync, statSync } from 'node:fs'
import type { Debugger } from 'node:inspector'
import { SourceMap, type SourceMapPayload } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { Frame } from './frame.ts'

/** Frames that are looked at: a recursion that never ends has thousands. */
const DEEPEST = 64
/** Bytes of a source map that is read: while it is, the process waits for its end. */
const LARGEST_MAP = 16 * 1_024 * 1_024

/**
 * This library's own folder, `undefined` where it is part of a bundle: there it cannot be told from the application. What
 * it does in between tells nobody anything.
 */
const home = /^.*\/(node_modules\/endswell\/dist\/|src\/(?=lifecycle\/$))/.exec(new URL('.', import.meta.url).href)?.[0]

const isOwn = (url: string): boolean => home !== undefined && url.startsWith(home)

/** What the inspector tells of a script. */
export interface Script {
  readonly url: string
  /** URL of its source map, as it stands in the script; `undefined` where it has none. */
  readonly map: string | undefined
}

/** A stack as the inspector gives it, mapped to the sources. The scripts are by the inspector's number of each. */
export function framesOf(stack: readonly Debugger.CallFrame[], scripts: ReadonlyMap<string, Script>): Frame[] {
  const read = new Map<string, SourceMap | undefined>()
  const foreign = stack.filter(({ location }) => !isOwn(scripts.get(location.scriptId)?.url ?? ''))
  return (foreign.length > 0 ? foreign : stack).slice(0, DEEPEST).map(({ functionName, location }) => {
    const { scriptId, lineNumber, columnNumber = 0 } = location
    const { url, map } = scripts.get(scriptId) ?? { url: '', map: undefined }
    const mapUrl = map === undefined ? undefined : resolve(map, url)
    const place = { file: plain(url) || '(no file)', line: lineNumber + 1, column: columnNumber + 1 }
    return { function: functionName || '(anonymous)', ...place, ...(mapUrl && source(mapUrl, url, location)) }
  })

  function source(mapUrl: string, url: string, { lineNumber, columnNumber = 0 }: Debugger.Location) {
    if (!read.has(mapUrl)) read.set(mapUrl, readMap(mapUrl))
    const entry = read.get(mapUrl)?.findEntry(lineNumber, columnNumber)
    if (entry === undefined || !('originalSource' in entry)) return undefined
    // What a map in the script itself names is meant from the script.
    const base = mapUrl.startsWith('data:') ? url : mapUrl
    const file = plain(resolve(entry.originalSource, base) ?? entry.originalSource)
    return { file, line: entry.originalLine + 1, column: entry.originalColumn + 1 }
  }
}

/** Scripts are known by their URL, or by their path where a loader has compiled them itself. */
function resolve(url: string, base: string): string | undefined {
  return URL.parse(url, base.startsWith('/') ? `file://${base}` : base)?.href
}

function plain(url: string): string {
  try {
    return url.startsWith('file:') ? fileURLToPath(url) : url
  } catch {
    return url
  }
}

/** Without its source map a frame is still of use: whatever is wrong with one, the script's own place is told. */
function readMap(url: string): SourceMap | undefined {
  try {
    const text = url.startsWith('data:') ? readData(url) : readFile(url)
    return text === undefined ? undefined : new SourceMap(JSON.parse(text) as SourceMapPayload)
  } catch {
    return undefined
  }
}

function readData(url: string): string {
  const [head = '', data = ''] = split(url, ',')
  return head.endsWith(';base64') ? Buffer.from(data, 'base64').toString() : decodeURIComponent(data)
}

function readFile(url: string): string | undefined {
  const path = fileURLToPath(url)
  return statSync(path).size > LARGEST_MAP ? undefined : readFileSync(path, 'utf8')
}

function split(text: string, at: string): [string, string] {
  const index = text.indexOf(at)
  return [text.slice(0, index), text.slice(index + 1)]
}
