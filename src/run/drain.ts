import type { Server } from 'node:net'
import { announceClose, server } from '../connection/index.ts'
import { Scope } from '../lifecycle/scope.ts'

/**
 * Has every server of a lifecycle say `Connection: close` from now on, while it goes on serving: clients then open their
 * next connection elsewhere.
 */
export function announceDrain(scope: Scope): void {
  for (const { kind, value } of scope.entries) {
    if (kind === server) announceClose(value as Server)
    else if (value instanceof Scope) announceDrain(value)
  }
}
