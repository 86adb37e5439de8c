/**
 * A thread that hangs in the midst of the service, as whoever runs it sees it: which function it is, in which line, and
 * that a job which needs the thread is done all the same.
 */
import { once } from 'node:events'
import type { Lifecycle } from 'endswell'
import { Counts } from './client.ts'
import { lives } from './left.ts'
import { Load } from './load.ts'
import { portOf, serviceKind, startService } from './service-process.ts'
import { say, Verdict } from './show.ts'

/** Starts the service with a call in its thread that never ends. Says whether it got over that. */
export async function showHungWorker(life: Lifecycle, directory: string): Promise<boolean> {
  const service = startService(directory, ['--hang=worker'], 'inherit')
  life.use(service, { name: 'service', kind: serviceKind })
  const load = new Load(life, await portOf(service, life.signal), new Counts())
  const client = load.client()
  say('The service has a thread that hangs, a job is ordered that needs it, and it prints', '')
  const begun = performance.now()
  const id = await load.order(client, 'quick')
  const reply = await client.send('GET', `/jobs/${id}?wait`)
  const { state, sha256 } = JSON.parse(reply?.body ?? '{}')
  const seconds = ((performance.now() - begun) / 1_000).toFixed(1)
  const ended = once(service, 'exit')
  service.kill('SIGTERM')
  const [status] = await ended
  say('So', '')
  const verdict = new Verdict()
  verdict.check(state === 'completed' && sha256 !== null, `after ${seconds} s the job is ${state}, its file hashed`)
  verdict.check(status === 0 && !lives(service.pid ?? 0), `the service ends with status ${status}, its process is gone`)
  return verdict.holds
}
