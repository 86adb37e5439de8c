import type { Scope } from '../../lifecycle/scope.ts'
import { watchClosing } from '../../lifecycle/watch-closing.ts'
import type { ParentDeathGuard } from '../child/spawned-child.ts'
import { readStats } from '../tree/proc-table.ts'
import { checkGuard, hasShell } from './check-guard.ts'
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

/** The sidecar of each topmost lifecycle, which goes when that has closed; of one that never does, with this process. */
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
  const setpriv = wanted === 'pdeathsig' ? findSetpriv() : undefined
  if (setpriv !== undefined) return bySetpriv(setpriv)
  const sidecar = wanted === 'auto' || wanted === 'sidecar' ? sidecarOf(scope) : undefined
  if (sidecar !== undefined) return bySidecar(sidecar, mark)
  checkGuard(wanted)
  return uncovered
}

function bySetpriv(setpriv: string): Cover {
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

/** The one that is there, or is made now, where there is a shell. */
function sidecarOf({ root }: Scope): Sidecar | undefined {
  const known = sidecars.get(root)
  if (known !== undefined || !hasShell()) return known
  // Its process is held by the system: a lifecycle that was dropped unclosed must not be held with it.
  const top = new WeakRef(root)
  const made = new Sidecar((error) => {
    if (top.deref()?.observes('resource.error')) top.deref()?.publish('resource.error', undefined, { error })
  })
  sidecars.set(root, made)
  watchClosing(root, () => made.dismiss())
  return made
}

/** When a process was started, in a form that only compares; 0 where there is no `/proc` to tell. */
function bornOf(pid: number): string {
  return readStats([pid])[0]?.born ?? '0'
}
