import { builtin } from '../../lifecycle/builtin.ts'
import { outOfRange } from '../../lifecycle/check.ts'
import type { Scope } from '../../lifecycle/scope.ts'
import type { ParentDeathGuard } from '../child/spawned-child.ts'
import { parseStat } from '../tree/proc-table.ts'
import { findSetpriv, withDeathSignal } from './pdeathsig.ts'
import { Sidecar } from './sidecar.ts'

/** What looks after one tree in case this process dies. */
export interface Cover {
  /** What it is, at this moment. */
  readonly mechanism: ParentDeathGuard
  /** What is to be run instead of a command, so that it is covered. */
  around(command: string, args: readonly string[]): readonly [file: string, args: readonly string[]]
  /** The leader of the tree has been started. */
  born(pid: number): void
  /** The tree has ended, or is nobody's affair any more. */
  end(): void
}

/** The sidecar of each topmost lifecycle, which goes with it. */
const sidecars = new WeakMap<Scope, Sidecar>()

const uncovered: Cover = Object.freeze({
  mechanism: 'none',
  around: (command: string, args: readonly string[]) => [command, args] as const,
  born() {},
  end() {},
})

/**
 * Covers a tree that is about to be started, and whose processes will carry `mark`, which is unique.
 *
 * @throws RangeError for a mechanism that was asked for by name and is not to be had here.
 */
export function coverFor(scope: Scope, mark: string, wanted: 'auto' | ParentDeathGuard = 'auto'): Cover {
  if (wanted === 'pdeathsig') return deathSignal()
  if (wanted === 'none') return uncovered
  if (hasShell()) return bySidecar(sidecarOf(scope), mark)
  if (wanted === 'auto') return uncovered
  throw outOfRange('options.onParentDeath', "'auto' or 'none' here", wanted, 'A sidecar needs /bin/sh.')
}

function deathSignal(): Cover {
  const setpriv = findSetpriv()
  if (setpriv === undefined) {
    const mend = 'It needs Linux, setpriv of util-linux, and the main thread.'
    throw outOfRange('options.onParentDeath', "'auto', 'sidecar' or 'none' here", 'pdeathsig', mend)
  }
  return {
    ...uncovered,
    mechanism: 'pdeathsig',
    around: (command, args) => withDeathSignal(setpriv, command, args),
  }
}

function bySidecar(sidecar: Sidecar, mark: string): Cover {
  let tree = `${mark}:0:0`
  sidecar.add(tree)
  return {
    ...uncovered,
    get mechanism() {
      return sidecar.has(tree) ? 'sidecar' : 'none'
    },
    born(pid) {
      const known = `${mark}:${pid}:${bornOf(pid)}`
      sidecar.replace(tree, known)
      tree = known
    },
    end() {
      sidecar.remove(tree)
    },
  }
}

function sidecarOf({ root }: Scope): Sidecar {
  const known = sidecars.get(root)
  if (known !== undefined) return known
  const made = new Sidecar((error) => {
    if (root.observes('resource.error')) root.publish('resource.error', undefined, { error })
  })
  sidecars.set(root, made)
  return made
}

/** When a process was started, in a form that only compares; 0 where that cannot be known. */
function bornOf(pid: number): string {
  try {
    return parseStat(builtin('node:fs').readFileSync(`/proc/${pid}/stat`, 'latin1')).born
  } catch {
    return '0'
  }
}

function hasShell(): boolean {
  if (process.platform === 'win32') return false
  const { accessSync, constants } = builtin('node:fs')
  try {
    accessSync('/bin/sh', constants.X_OK)
    return true
  } catch {
    return false
  }
}
