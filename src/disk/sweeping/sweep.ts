import type { Stats } from 'node:fs'
import { wordOf } from '../../lifecycle/errors.ts'
import { type Candidate, isSame, isStill, pathOf } from './candidate.ts'
import { eachOf } from './each-of.ts'
import { type Folder, type Named, pathIn, Swapped } from './folder.ts'
import type { CheckedRule, SweptKind } from './rule.ts'
import { Survivors } from './survivors.ts'
import type { SweepTally } from './sweep-report.ts'
import { DEEPEST, freedBy, isMissing, type Measure, measureTree, removeTree, Unfit } from './tree.ts'

/** What one sweep goes by. */
interface SweepPlan {
  readonly rules: readonly CheckedRule[]
  readonly concurrency: number
  readonly dryRun: boolean
  /** The time by the wall clock. */
  readonly now: number
  readonly signal: AbortSignal
  readonly tally: SweepTally
  /** Something is gone. */
  onRemoved(path: string, reason: string): void
  /** A function of the user's threw. */
  onThrown(error: unknown): void
}

/** What an entry is for the rules; `undefined` for sockets, pipes and devices, which none is for. */
function kindOf(entry: Named): SweptKind | undefined {
  if (entry.isFile()) return 'file'
  if (entry.isDirectory()) return 'dir'
  return entry.isSymbolicLink() ? 'link' : undefined
}

/** One walk through a root, in which each entry is judged by the first rule that is for it. */
export class Sweep {
  readonly #plan: SweepPlan
  readonly #survivors: ReadonlyMap<CheckedRule, Survivors<Candidate>>

  constructor(plan: SweepPlan) {
    this.#plan = plan
    const limited = plan.rules.filter(
      ({ maxCount, maxTotalSize }) => Math.min(maxCount, maxTotalSize) < Number.POSITIVE_INFINITY,
    )
    this.#survivors = new Map(
      limited.map((rule) => [
        rule,
        new Survivors<Candidate>({ ...rule, protectedAfter: protectedAfter(rule, plan.now) }),
      ]),
    )
  }

  /** Goes through a folder that is open, and those in it that rules lead to. Rejects when it is to stop. */
  async walk(folder: Folder): Promise<void> {
    const { signal, concurrency } = this.#plan
    for await (const batch of folder.entries()) {
      const inside: Buffer[] = []
      await eachOf(batch, concurrency, async (entry) => {
        signal.throwIfAborted()
        const isLeft = await this.#judge(folder, entry)
        if (isLeft && entry.isDirectory() && this.#enters(folder, entry.name)) inside.push(entry.name)
      })
      for (const name of inside) await this.#walkInto(folder, name)
    }
  }

  #enters(parent: Folder, name: Buffer): boolean {
    return this.#plan.rules.some((rule) => rule.enters(pathIn(parent, name), parent.depth + 1))
  }

  /** On another device somebody else's rules hold. */
  async #walkInto(parent: Folder, name: Buffer): Promise<void> {
    const folder = parent.child(name)
    try {
      if (parent.depth >= DEEPEST) throw new Unfit('too deep')
      await folder.open()
      try {
        if (folder.dev !== parent.dev) throw new Unfit('other device')
        await this.walk(folder)
      } finally {
        await folder.close()
      }
    } catch (error) {
      this.#note(folder.path, error)
    }
  }

  /** Judges an entry. Says whether it is still there. */
  async #judge(folder: Folder, entry: Named): Promise<boolean> {
    const { tally, now } = this.#plan
    tally.scanned += 1
    const { name } = entry
    const path = pathIn(folder, name)
    const rule = this.#ruleFor(path, kindOf(entry))
    if (rule === undefined) return true
    tally.matched += 1
    try {
      const stats = await folder.lstat(name)
      const limit = now - Math.max(rule.maxAge, rule.minAge)
      const survivors = this.#survivors.get(rule)
      // Most are young, and go by nothing else.
      if (survivors === undefined && !(stats.mtimeMs <= limit)) return true
      const measure = rule.kind === 'dir' ? await this.#measure(rule, folder, name, stats, limit) : ownMeasure(stats)
      if (measure === undefined) return true
      const candidate = { folder, name, kind: rule.kind, dev: stats.dev, ino: stats.ino, ...measure }
      if (measure.modified <= limit) {
        await this.#remove(candidate, stats, 'age')
        return false
      }
      for (const { one, reason } of survivors?.add(candidate) ?? []) await this.#removeLater(one, reason)
    } catch (error) {
      this.#note(path, error)
    }
    return true
  }

  /** The first that is for it. One whose function throws is for nothing, and neither are those behind it. */
  #ruleFor(path: string, kind: SweptKind | undefined): CheckedRule | undefined {
    try {
      return this.#plan.rules.find((rule) => rule.kind === kind && rule.matches(path))
    } catch (error) {
      this.#plan.tally.didFail(path, error)
      this.#plan.onThrown(error)
      return undefined
    }
  }

  /** Of a folder that is too young to go by its age, and by nothing else, nobody needs to know more. */
  #measure(rule: CheckedRule, folder: Folder, name: Buffer, stats: Stats, limit: number): Promise<Measure | undefined> {
    return measureTree(
      folder,
      name,
      stats,
      this.#survivors.has(rule) ? Number.POSITIVE_INFINITY : limit,
      this.#plan.signal,
    )
  }

  /** What has become too much may have been looked at long ago. */
  async #removeLater(candidate: Candidate, reason: string): Promise<void> {
    const { folder, name, kind } = candidate
    try {
      await folder.open()
      try {
        const stats = await folder.lstat(name)
        if (kind !== 'dir' && !isSame(candidate, stats)) throw new Unfit('changed')
        await this.#remove(candidate, stats, reason)
      } finally {
        await folder.close()
      }
    } catch (error) {
      this.#note(pathOf(candidate), error)
    }
  }

  /** Its folder is open. */
  async #remove(candidate: Candidate, stats: Stats, reason: string): Promise<void> {
    const { folder, name, kind, modified: limit } = candidate
    const { tally, signal, dryRun, onRemoved } = this.#plan
    // All that is in it was looked at meanwhile.
    if (kind === 'dir' && !isStill(candidate, await folder.lstat(name))) throw new Unfit('changed')
    if (dryRun) tally.bytes += kind === 'dir' ? candidate.size : freedBy(stats)
    else if (kind === 'dir') {
      const onFile = (bytes: number): void => {
        tally.bytes += bytes
      }
      await removeTree(folder, name, stats, { limit, signal, onFile })
    } else {
      await folder.unlink(name)
      tally.bytes += freedBy(stats)
    }
    const path = pathOf(candidate)
    tally.didRemove(path, reason)
    if (!dryRun) onRemoved(path, reason)
  }

  /** What goes wrong with one entry is counted, and stops nothing but that; unless all is to stop. */
  #note(path: string, error: unknown): void {
    const { signal, tally } = this.#plan
    if (signal.aborted) throw error
    if (isMissing(error)) return
    if (error instanceof Unfit) tally.didSkip(path, error.code)
    else if (isSwap(error)) tally.didSkip(path, 'swapped')
    else tally.didFail(path, error)
  }
}

/** Without a `minAge` nothing is too young, not even what is dated in the future. */
function protectedAfter({ minAge }: CheckedRule, now: number): number {
  return minAge === 0 ? Number.POSITIVE_INFINITY : now - minAge
}

function ownMeasure({ mtimeMs, size }: Stats): Measure {
  return { modified: mtimeMs, size }
}

/** Whether there is a link, a file or another folder where a folder was. */
function isSwap(error: unknown): boolean {
  return error instanceof Swapped || ['ELOOP', 'ENOTDIR'].includes(String(wordOf(error, 'code')))
}
