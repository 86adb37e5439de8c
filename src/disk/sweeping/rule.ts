import { checkObject, checkOneOf, checkOptions, outOfRange, wrongType } from '../../lifecycle/check.ts'
import { compileGlob, type Glob } from './glob.ts'

/** What a rule is for: `file` regular files, `dir` folders as a whole, `link` symbolic links themselves. */
export type SweptKind = 'file' | 'dir' | 'link'

/** Something found below the root, as the function of a rule sees it. */
export interface SweptEntry {
  /** Relative to the root, joined by `/`. */
  readonly path: string
  /** The last part of the path. Bytes that are no UTF-8 show as U+FFFD. */
  readonly name: string
  /** What it is. */
  readonly kind: SweptKind
}

/** Which entries of the root go, and when. */
export interface RetentionRule {
  /**
   * What it is for: a pattern such as `job_*.log` or `datasets/job_*` of the path relative to the root; a regular
   * expression that finds something in that path; or a function that returns `true`, exactly.
   */
  match: string | RegExp | ((entry: SweptEntry) => boolean)
  /** `file` (regular files; the default), `dir` (folders with all that is in them) or `link` (links, not what they lead to). */
  kind?: SweptKind
  /** How many levels below the root are looked at, from 1, where `match` is no pattern. Default: 1, the root's own entries. */
  depth?: number
  /** What was last modified that many ms ago goes, from 0; Infinity: never because of its age. Default: 604 800 000, 7 days. */
  maxAge?: number
  /** How many are kept: beyond that the oldest go. A whole number from 0. Default: any number. */
  maxCount?: number
  /** How many bytes are kept: beyond that the oldest go. From 0. Default: any number. */
  maxTotalSize?: number
  /** What is younger than that many ms never goes, whatever count and size say; it counts all the same. Default: 0. */
  minAge?: number
}

/** A rule that has been checked. */
export interface CheckedRule {
  readonly kind: SweptKind
  readonly maxAge: number
  readonly minAge: number
  readonly maxCount: number
  readonly maxTotalSize: number
  /** Whether it is for that one, kind aside. It may throw what a function of the user's throws. */
  matches(path: string): boolean
  /** Whether it may be for something in that folder, which lies that many levels below the root. */
  enters(folder: string, depth: number): boolean
}

const OPTIONS = ['match', 'kind', 'depth', 'maxAge', 'maxCount', 'maxTotalSize', 'minAge']
const WEEK = 604_800_000

/** Refuses rules that make no sense, and prepares the others. */
export function checkRules(name: string, rules: unknown): readonly CheckedRule[] {
  if (!Array.isArray(rules)) throw wrongType(name, 'an array of rules', rules)
  if (rules.length === 0) throw outOfRange(name, 'at least one rule', rules)
  return rules.map((rule, at) => checkRule(`${name}[${at}]`, rule))
}

function checkRule(name: string, rule: RetentionRule): CheckedRule {
  checkObject(name, rule)
  checkOptions(name, rule, OPTIONS)
  const {
    match,
    kind = 'file',
    depth = 1,
    maxAge = WEEK,
    maxCount = Number.POSITIVE_INFINITY,
    maxTotalSize = Number.POSITIVE_INFINITY,
    minAge = 0,
  } = rule
  checkOneOf(`${name}.kind`, kind, ['file', 'dir', 'link'])
  for (const [key, value] of Object.entries({ maxAge, maxTotalSize, minAge })) checkAmount(`${name}.${key}`, value)
  checkCount(`${name}.maxCount`, maxCount, 0)
  checkCount(`${name}.depth`, depth, 1)
  if (typeof match === 'string' && rule.depth !== undefined)
    throw outOfRange(`${name}.depth`, 'left out where match is a pattern', depth, 'How deep it goes is in the pattern.')
  const { matches, enters } = compileMatch(`${name}.match`, match, kind, depth)
  return { kind, maxAge, minAge, maxCount, maxTotalSize, matches, enters }
}

function compileMatch(
  name: string,
  match: unknown,
  kind: SweptKind,
  levels: number,
): Pick<CheckedRule, 'matches' | 'enters'> {
  if (typeof match === 'string') {
    const glob: Glob = compileGlob(name, match)
    return { matches: (path) => glob.matches(path), enters: (folder) => glob.enters(folder) }
  }
  const enters = (_folder: string, depth: number): boolean => depth < levels
  if (match instanceof RegExp) {
    // With these flags an expression remembers where it found something, and begins there the next time.
    const expression = new RegExp(match.source, match.flags.replaceAll(/[gy]/g, ''))
    return { matches: (path) => expression.test(path), enters }
  }
  if (typeof match !== 'function') throw wrongType(name, 'a pattern, a regular expression or a function', match)
  // A promise, or whatever else is not false, must not delete anything.
  return { matches: (path) => match(entryOf(path, kind)) === true, enters }
}

function entryOf(path: string, kind: SweptKind): SweptEntry {
  return Object.freeze({ path, name: path.slice(path.lastIndexOf('/') + 1), kind })
}

function checkAmount(name: string, value: unknown): void {
  if (typeof value !== 'number') throw wrongType(name, 'a number', value)
  if (!(value >= 0)) throw outOfRange(name, 'a number from 0', value)
}

function checkCount(name: string, value: unknown, least: number): void {
  if (typeof value !== 'number') throw wrongType(name, 'a number', value)
  if (value === Number.POSITIVE_INFINITY || (Number.isInteger(value) && value >= least)) return
  throw outOfRange(name, `a whole number from ${least}, or Infinity`, value)
}
