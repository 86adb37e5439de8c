import { Lifecycle, type LifecycleEvent } from '../../../src/index.ts'
import { FakeClock } from '../../../src/testing/index.ts'
import { Bridge } from '../../../src/thread/bridge/bridge.ts'
import { settingsOf, type WorkerBridgeOptions } from '../../../src/thread/bridge/bridge-options.ts'
import { PendingCall } from '../../../src/thread/bridge/pending-call.ts'
import { type Boot, FakeThreads, type Work } from './fake-threads.ts'

/** A bridge to fake threads, on a clock of its own. */
export function setUp(options: WorkerBridgeOptions = {}, boots?: readonly Boot[]) {
  const clock = new FakeClock()
  const life = new Lifecycle({ name: 'app', clock, grace: 50 })
  const events: LifecycleEvent[] = []
  life.subscribe((event) => events.push(event))
  const settings = settingsOf({ output: 'ignore', backoff: { first: 10, jitter: 0 }, ...options })
  const source = new FakeThreads(clock, settings.maxInFlight, boots)
  const bridge = new Bridge(life.scope('bridge', { order: 'parallel' }), settings, source)
  const outcomes: string[] = []
  let calls = 0
  /** Makes a call; how it ends is added to `outcomes`, as its number and a word. */
  const call = (work: Partial<Work> = {}, more: Parameters<Bridge['call']>[2] = undefined): number => {
    calls += 1
    const id = calls
    const tell = (word: string): void => void outcomes.push(`${id} ${word}`)
    bridge.call('work', [{ id, takes: 5, ...work }], more).then(
      () => tell('done'),
      (error) => tell(error.code ?? error.message),
    )
    return id
  }
  return { clock, life, bridge, source, events, outcomes, call }
}

/** A call that nobody waits for. */
export function callOf(id: number, priority = 0): PendingCall {
  return new PendingCall(
    id,
    'work',
    [],
    priority,
    0,
    () => {},
    () => {},
  )
}
