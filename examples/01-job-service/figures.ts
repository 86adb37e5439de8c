/** What the service has counted, as the demo shows it. */

import type { JobStats, RetryStats } from 'endswell/bounded'
import type { PoolStats } from 'endswell/connection'
import type { Client } from './client.ts'

/** The reply to `GET /figures`, as far as it is looked at. */
export interface Figures {
  readonly connections: PoolStats
  readonly registry: JobStats
  readonly unsaved: RetryStats
}

/** Asks the service. */
export async function figuresOf(client: Client): Promise<Figures | undefined> {
  const reply = await client.send('GET', '/figures')
  return reply && JSON.parse(reply.body)
}

/** One line for each. */
export function showFigures({ connections, registry, unsaved }: Figures): string {
  const ended = registry.completed + registry.failed + registry.cancelled
  return [
    `jobs: ${registry.active} run, ${ended} have ended`,
    `connections: ${connections.size} open, ${connections.leased} in use, lent ${connections.acquired} times`,
    `saves: ${unsaved.saved} done, ${unsaved.failed} failed, ${unsaved.size} wait`,
  ].join('\n')
}

/** How many saves were given up. */
export function lostSaves({ unsaved: { dropped } }: Figures): number {
  return Object.values(dropped).reduce((sum, count) => sum + count, 0)
}
