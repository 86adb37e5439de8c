import type { Server } from 'node:net'
import { announceClose, server } from '../connection/index.ts'
import type { Scope } from '../lifecycle/scope.ts'
import { leaves } from './leaves.ts'

/**
 * Has every server of a lifecycle say `Connection: close` from now on, while it goes on serving: clients then open their
 * next connection elsewhere.
 */
export function announceDrain(scope: Scope): void {
  for (const { entry } of leaves(scope)) if (entry.kind === server) announceClose(entry.value as Server)
}
