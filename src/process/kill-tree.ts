import type { ChildProcess } from 'node:child_process'
import { builtin } from '../lifecycle/builtin.ts'
import { checkObject, checkOneOf, checkOptions, checkTimeout, outOfRange, wrongType } from '../lifecycle/check.ts'
import { type Clock, systemClock } from '../lifecycle/clock.ts'
import { checkSignal } from './tree/check-signal.ts'
import { Killing, type KillTreeResult } from './tree/killing.ts'
import { ProcessTree, treeOf } from './tree/process-tree.ts'
import { systemTable } from './tree/system-table.ts'

/** How long a tree gets by default: to end gently, and then to be dead after SIGKILL, in ms. */
const GRACE = 5_000
const REAP = 2_000

/** How `killTree` goes about it. */
export interface KillTreeOptions {
  /** The gentle signal. Default: `SIGTERM`. With `SIGKILL` there is no grace. */
  readonly signal?: NodeJS.Signals
  /** How long all may take to end on it, in ms from 0 to 2 147 483 647, before whoever lives gets SIGKILL. Default: 5 000. */
  readonly grace?: number
  /**
   * `group` signals the group that the target leads as one, and refuses a target that leads none. `walk` signals each
   * member by itself. Default: `auto`, the group if there is one. Who is a member is the same for all.
   */
  readonly method?: 'auto' | 'group' | 'walk'
  /** How long those who got SIGKILL are watched until they count as survivors, in ms from 0 to 2 147 483 647. Default: 2 000. */
  readonly reap?: number
  /** An entry `NAME=value` in the environment of all members, by which even those are found who left group and session. */
  readonly marker?: string
  /** Where time is taken from. Default: real time. */
  readonly clock?: Clock
}

const known = ['signal', 'grace', 'method', 'reap', 'marker', 'clock'] as const

const killings = new WeakMap<ChildProcess, Killing>()

/**
 * Ends a process and everything that it has started, and tells what came of it.
 *
 * The gentle signal goes to the target and to its group; whoever of the tree is elsewhere gets it when his parent has
 * ended. After the grace every member that lives gets SIGKILL, also when the target was the first to go. It has ended
 * when none of them lives; a child's pipes are destroyed 100 ms after its exit.
 *
 * Calls for the same `ChildProcess` join, and a shorter grace wins: `grace: 0` forces it now.
 *
 * @param target a child of this process, or a pid: one of a process that is there, since a number is all that it is known by.
 * @returns What happened. Does not reject for what has died already or is not ours to signal; only where processes cannot
 * be seen at all, with neither `/proc` nor `ps`.
 * @throws TypeError or RangeError, at once, for a pid that is not one, is 1 or is our own; for `group` where the target
 * leads none; and for a bad option.
 * @example
 * ```ts
 * const { outcome, survivors } = await killTree(child, { grace: 2_000 })
 * if (outcome === 'abandoned') console.error('still there:', survivors)
 * ```
 */
export function killTree(target: number | ChildProcess, options: KillTreeOptions = {}): Promise<KillTreeResult> {
  checkTarget(target)
  checkKillOptions(options)
  const { signal = 'SIGTERM', grace = GRACE, method = 'auto', reap = REAP, marker, clock = systemClock } = options
  if (typeof target !== 'number') {
    const current = killings.get(target)
    if (current?.isOpen) {
      current.forceWithin(signal === 'SIGKILL' ? 0 : grace)
      return current.result
    }
  }
  const tree =
    typeof target === 'number'
      ? new ProcessTree(systemTable(target), { pid: target, marker })
      : treeOf(target, { marker })
  checkMethod(method, tree)
  tree.grouped = method !== 'walk'
  const killing = new Killing(tree, { signal, grace, reap, clock })
  if (typeof target !== 'number') killings.set(target, killing)
  return killing.result
}

function checkTarget(target: unknown): void {
  if (typeof target === 'number') {
    const mend = 'Lower ones mean groups, or every process there is.'
    if (!Number.isInteger(target) || target <= 1) throw outOfRange('target', 'a pid above 1', target, mend)
    if (target === process.pid) throw outOfRange('target', 'the pid of another process', target)
  } else if (!(target instanceof builtin('node:child_process').ChildProcess)) {
    throw wrongType('target', 'a pid or a ChildProcess', target)
  }
}

function checkKillOptions(options: KillTreeOptions): void {
  checkObject('options', options)
  checkOptions('killTree', options, known)
  const { signal, grace, method, reap, marker, clock } = options
  if (signal !== undefined) checkSignal('signal', signal)
  if (grace !== undefined) checkTimeout('grace', grace)
  if (reap !== undefined) checkTimeout('reap', reap)
  if (method !== undefined) checkOneOf('method', method, ['auto', 'group', 'walk'])
  if (marker !== undefined) checkMarker(marker)
  if (clock !== undefined) checkObject('clock', clock)
}

function checkMarker(marker: unknown): void {
  if (typeof marker !== 'string') throw wrongType('marker', 'a string', marker)
  if (!/^[^=\0]+=[^\0]+$/.test(marker)) throw outOfRange('marker', "an environment entry, 'NAME=value'", marker)
}

function checkMethod(method: string, tree: ProcessTree): void {
  if (method !== 'group' || tree.group !== undefined) return
  const mend = "Spawn it detached, or use 'auto'."
  throw outOfRange('target', 'the leader of a process group of its own', tree.pid, mend)
}
