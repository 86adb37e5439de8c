import { builtin } from '../../lifecycle/builtin.ts'
import { outOfRange } from '../../lifecycle/check.ts'
import type { ParentDeathGuard } from '../child/spawned-child.ts'
import { findSetpriv } from './pdeathsig.ts'

/** Refuses a guard that was asked for by name and is not to be had here. Changes nothing. */
export function checkGuard(wanted: 'auto' | ParentDeathGuard | undefined): void {
  if (wanted === 'sidecar' && !hasShell())
    throw outOfRange('options.onParentDeath', "'auto' or 'none' here", wanted, 'A sidecar needs /bin/sh.')
  if (wanted !== 'pdeathsig' || findSetpriv() !== undefined) return
  const mend = 'It needs Linux, setpriv of util-linux, and the main thread.'
  throw outOfRange('options.onParentDeath', "'auto', 'sidecar' or 'none' here", wanted, mend)
}

/** Whether there is a shell that a sidecar could be. */
export function hasShell(): boolean {
  if (process.platform === 'win32') return false
  const { accessSync, constants } = builtin('node:fs')
  try {
    accessSync('/bin/sh', constants.X_OK)
    return true
  } catch {
    return false
  }
}
