import type { Server } from 'node:net'
import { onTestFinished } from 'vitest'
import { Lifecycle } from '../../src/kinds.ts'
import type { CloseOptions, LifecycleOptions, Row } from '../../src/lifecycle/contract.ts'
import { Client } from './client.ts'

/** A lifecycle that owns `value` alone. */
export function own(value: object, options: LifecycleOptions = {}): Lifecycle {
  const life = new Lifecycle(options)
  life.use(value)
  return life
}

/** Closes it, and tells how what it owns has ended. */
export async function end(life: Lifecycle, options: CloseOptions = {}): Promise<Row> {
  const { rows } = await life.close(options)
  if (rows[0] === undefined) throw new Error('the report has no row')
  return rows[0]
}

/** Cuts short what is under way. */
export async function force(life: Lifecycle): Promise<void> {
  await life.close({ force: true })
}

/** A client that does not outlive the test. */
export async function visit(server: Server, options: Parameters<typeof Client.connect>[1]): Promise<Client> {
  const client = await Client.connect(server, options)
  onTestFinished(() => void client.socket.destroy())
  return client
}
