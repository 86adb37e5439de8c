import type { Stats } from 'node:fs'
import { type Folder, pathIn } from './folder.ts'
import type { SweptKind } from './rule.ts'

/** Something that a rule is for: where it is, and what it was when it was looked at. */
export interface Candidate {
  readonly folder: Folder
  readonly name: Buffer
  readonly kind: SweptKind
  /** When it was last modified, by the wall clock; of a folder, when anything in it was. */
  readonly modified: number
  /** How many bytes it takes; of a folder, all in it. */
  readonly size: number
  readonly dev: number
  readonly ino: number
}

/** Its path, relative to the root. */
export function pathOf({ folder, name }: Candidate): string {
  return pathIn(folder, name)
}

/** Whether it is the folder that it was, which nothing has come into or gone out of since. */
export function isStill(candidate: Candidate, { dev, ino, mtimeMs }: Stats): boolean {
  return candidate.dev === dev && candidate.ino === ino && mtimeMs <= candidate.modified
}

/** Whether it is what it was, and nobody has written to it since. */
export function isSame(candidate: Candidate, { dev, ino, mtimeMs }: Stats): boolean {
  return candidate.dev === dev && candidate.ino === ino && candidate.modified === mtimeMs
}
