/**
 * A start that goes wrong, as whoever has deployed the service sees it: what it prints, its exit status, and what is left
 * of it, which is nothing.
 */
import { once } from 'node:events'
import type { Lifecycle } from 'endswell'
import { lives } from './left.ts'
import { startService } from './service-process.ts'
import { say, Verdict } from './show.ts'

/** The mistakes that can be ordered, the exit status of each, and what is named. */
const troubles: Readonly<Record<string, { status: number; names: string }>> = {
  '--hang=database': { status: 82, names: 'the step, its budget, what was done and what had not begun' },
  '--block=pricing': { status: 83, names: 'the function, its file and its line' },
}

/** Starts the service with a mistake in it. Says whether it ended as it should. */
export async function showFailedStart(life: Lifecycle, directory: string, trouble: string): Promise<boolean> {
  const expected = troubles[trouble]
  if (expected === undefined) throw new Error(`${trouble} is not known, but ${Object.keys(troubles).join(' and ')}.`)
  const begun = performance.now()
  const service = startService(directory, [trouble], 'inherit')
  life.use(service, { name: 'service' })
  say(`The service starts with ${trouble}, and prints`, '')
  const [status] = await once(service, 'exit')
  const seconds = ((performance.now() - begun) / 1_000).toFixed(1)
  say('So', '')
  const verdict = new Verdict()
  verdict.check(
    status === expected.status,
    `after ${seconds} s its exit status is ${status}; ${expected.names} are above`,
  )
  verdict.check(!lives(service.pid ?? 0), 'its process is gone')
  return verdict.holds
}
