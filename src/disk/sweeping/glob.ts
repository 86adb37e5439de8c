import { outOfRange } from '../../lifecycle/check.ts'

/** A pattern of paths, relative to a root and joined by `/`. */
export interface Glob {
  /** Whether it means that path. */
  matches(path: string): boolean
  /** Whether it may mean something in that folder, or deeper. */
  enters(folder: string): boolean
}

const ANY_FOLDERS = '(?:(?!\\.)[^/]+/)*'

/**
 * Makes sense of a pattern: `*` and `?` stand for characters but `/`, `[a-z]` and `[!a-z]` for one of a set, `{a,b}` for
 * either, `**` as a whole name for any number of folders, and `\` takes the meaning from what follows. As in a shell, a
 * leading dot must be written: what is hidden is hidden from `*`.
 *
 * @throws RangeError for a pattern that leads out of the root, or has no meaning.
 */
export function compileGlob(name: string, pattern: string): Glob {
  const segments = pattern.split('/')
  if (segments.some((segment) => segment === '' || segment === '.' || segment === '..')) {
    const mend = "It is relative to the root: no '/' at its beginning or end, no '.' or '..' in it."
    throw outOfRange(name, 'a pattern of paths in the root', pattern, mend)
  }
  if (segments.at(-1) === '**') throw outOfRange(name, "a pattern that ends in a name, such as '**/*.log'", pattern)
  const sources = segments.map((segment) => (segment === '**' ? ANY_FOLDERS : compileSegment(name, pattern, segment)))
  const whole = join(segments, sources, sources.length)
  const folders = foldersOf(segments, sources)
  return {
    matches: (path) => whole.test(path),
    enters: (folder) => folders.some((expression) => expression.test(folder)),
  }
}

/** What the folders look like in which something may be meant: one expression for each level, until there is a `**`. */
function foldersOf(segments: readonly string[], sources: readonly string[]): RegExp[] {
  const expressions: RegExp[] = []
  for (let count = 1; count < segments.length; count += 1) {
    const isDeep = segments[count - 1] === '**'
    expressions.push(
      isDeep ? join(segments, [...sources.slice(0, count), '(?!\\.)[^/]+'], count + 1) : join(segments, sources, count),
    )
    if (isDeep) break
  }
  return expressions
}

/** `**` brings its own slashes. */
function join(segments: readonly string[], sources: readonly string[], count: number): RegExp {
  let source = ''
  for (let at = 0; at < count; at += 1) {
    source += sources[at]
    if (at < count - 1 && segments[at] !== '**') source += '/'
  }
  return new RegExp(`^${source}$`, 'su')
}

function compileSegment(name: string, pattern: string, segment: string): string {
  let source = /^[*?[]/.test(segment) ? '(?!\\.)' : ''
  let isInBraces = false
  for (let at = 0; at < segment.length; at += 1) {
    const letter = segment.charAt(at)
    if (letter === '*') {
      // Many stars in a row mean what one does, and would only take their time.
      if (segment.charAt(at - 1) !== '*') source += '[^/]*'
    } else if (letter === '?') source += '[^/]'
    else if (letter === '[') {
      const end = segment.indexOf(']', at + 2)
      if (end === -1) throw outOfRange(name, "a pattern with a ']' for each '['", pattern)
      source += compileSet(segment.slice(at + 1, end))
      at = end
    } else if (letter === '{') {
      if (isInBraces) throw outOfRange(name, 'a pattern without braces in braces', pattern)
      isInBraces = true
      source += '(?:'
    } else if (letter === '}' && isInBraces) {
      isInBraces = false
      source += ')'
    } else if (letter === ',' && isInBraces) source += '|'
    else if (letter === '\\' && at + 1 < segment.length) {
      at += 1
      source += literal(segment.charAt(at))
    } else source += literal(letter)
  }
  if (isInBraces) throw outOfRange(name, "a pattern with a '}' in the same name for each '{'", pattern)
  return source
}

function compileSet(set: string): string {
  const isNegative = set.startsWith('!') || set.startsWith('^')
  const members = (isNegative ? set.slice(1) : set).replaceAll(/[\\\]^[]/g, '\\$&')
  return `(?!/)[${isNegative ? '^' : ''}${members}]`
}

function literal(letter: string): string {
  return letter.replace(/[\\^$.*+?()[\]{}|/]/, '\\$&')
}
