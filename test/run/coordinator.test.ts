import { afterEach, expect, onTestFinished, test, vi } from 'vitest'
import { Coordinator, coordinator, type Participant } from '../../src/run/coordinator.ts'
import type { StopSignal } from '../../src/run/signals.ts'

/** A run that notes what it is told. */
class Fake implements Participant {
  readonly exits = false
  readonly signals: readonly StopSignal[]
  readonly told: string[] = []
  /** Whether it wants the process to exit at its next signal. */
  exit = false

  constructor(...signals: StopSignal[]) {
    this.signals = signals
  }

  signalled(signal: StopSignal, nth: number): boolean {
    this.told.push(`${signal} ${nth}`)
    return this.exit
  }

  failed(): void {}
  idle(): void {}
  open(): readonly string[] {
    return []
  }
}

const end = { ending: 'closed', status: 0 } as const
const counts = () => ['SIGUSR2', 'SIGHUP'].map((signal) => process.listenerCount(signal))

/** A coordinator for these runs, whose listeners do not survive the test. */
function coordinatorOf(...runs: readonly Fake[]): Coordinator {
  const own = new Coordinator()
  onTestFinished(() => own.uninstall())
  for (const run of runs) own.join(run)
  return own
}

/** Sends the signals, with as many ms between them. */
function send(gap: number, ...signals: readonly NodeJS.Signals[]): void {
  let now = performance.now()
  vi.spyOn(performance, 'now').mockImplementation(() => now)
  for (const signal of signals) {
    process.emit(signal)
    now += gap
  }
}

afterEach(() => {
  vi.restoreAllMocks()
})

test('a process has one coordinator', () => {
  expect(coordinator()).toBe(coordinator())
})

test('each run is told of its own signals, counted from its own first', () => {
  const one = new Fake('SIGUSR2')
  const other = new Fake('SIGUSR2', 'SIGHUP')
  coordinatorOf(one, other)
  send(1_000, 'SIGHUP', 'SIGUSR2')
  expect(one.told).toEqual(['SIGUSR2 1'])
  expect(other.told).toEqual(['SIGHUP 1', 'SIGUSR2 2'])
})

test('a run that joins after a signal is told of none that came before', () => {
  const own = coordinatorOf(new Fake('SIGUSR2'))
  process.emit('SIGUSR2')
  const late = new Fake('SIGUSR2')
  own.join(late)
  send(1_000, 'SIGHUP', 'SIGUSR2')
  expect(late.told).toEqual(['SIGUSR2 1'])
})

test('a signal that comes again within 100 ms of the last one that counted does not count', () => {
  vi.spyOn(process, 'exit').mockReturnValue(undefined as never)
  const run = new Fake('SIGUSR2')
  coordinatorOf(run)
  send(60, 'SIGUSR2', 'SIGUSR2', 'SIGUSR2', 'SIGUSR2')
  expect(run.told).toEqual(['SIGUSR2 1', 'SIGUSR2 2'])
})

test('there is one listener for each signal, which goes with the last run that wants it', () => {
  const before = counts()
  const one = new Fake('SIGUSR2')
  const other = new Fake('SIGUSR2', 'SIGHUP')
  const own = coordinatorOf(one, other)
  const more = (at: number, by: number) => (before[at] ?? 0) + by
  expect(counts()).toEqual([more(0, 1), more(1, 1)])
  own.leave(other, end)
  expect(counts()).toEqual([more(0, 1), before[1]])
  own.leave(one, end)
  expect(counts()).toEqual(before)
  own.leave(one, end)
})

test('uninstall takes all listeners off, and leaving puts none back', () => {
  const before = counts()
  const one = new Fake('SIGUSR2')
  const own = coordinatorOf(one, new Fake('SIGUSR2', 'SIGHUP'))
  own.uninstall()
  own.uninstall()
  expect(counts()).toEqual(before)
  own.leave(one, end)
  expect(counts()).toEqual(before)
})

test.each([
  ['a run says so', 1, true],
  ['it is the third', 3, false],
])('the process exits with the status of the signal, without listeners, when %s', (_, times, exit) => {
  const before = counts()
  const exited = vi.spyOn(process, 'exit').mockImplementation(() => {
    expect(counts()).toEqual(before)
    return undefined as never
  })
  const run = new Fake('SIGHUP')
  run.exit = exit
  coordinatorOf(run)
  send(1_000, ...Array.from({ length: times }, () => 'SIGHUP' as const))
  expect(exited.mock.calls).toEqual([[129]])
})

test('runs that do not exit leave the process alone', async () => {
  const exited = vi.spyOn(process, 'exit').mockReturnValue(undefined as never)
  const run = new Fake('SIGUSR2')
  coordinatorOf(run).leave(run, end)
  await new Promise(setImmediate)
  expect(exited).not.toHaveBeenCalled()
})
