import { constants } from 'node:os'
import { describe, expect, test } from 'vitest'
import { defaultSignals, onStop, type StopSignal, statusOf, stopSignals } from '../../src/run/signals.ts'

const names = Object.keys(stopSignals) as StopSignal[]

describe('the table of signals', () => {
  test('says of each why it is there', () => {
    for (const name of names) expect(stopSignals[name]).toMatch(/^\S.+\S$/)
  })

  test('holds none that a program cannot catch or must not', () => {
    for (const name of ['SIGKILL', 'SIGSTOP', 'SIGSEGV', 'SIGABRT', 'SIGUSR1', 'SIGPIPE'])
      expect(names).not.toContain(name)
  })

  test('holds those that are taken without asking', () => {
    expect(defaultSignals).toEqual(['SIGTERM', 'SIGINT'])
    for (const name of defaultSignals) expect(names).toContain(name)
  })
})

test.each([
  ['SIGTERM', 143],
  ['SIGINT', 130],
  ['SIGHUP', 129],
  ['SIGQUIT', 131],
  ['SIGUSR2', 128 + constants.signals.SIGUSR2],
  ['SIGBREAK', 143],
  ['shutdown', 143],
  ['disconnect', 143],
] as const)('the status of %s is %i', (name, status) => {
  expect(statusOf(name)).toBe(status)
})

test.each(names)('%s is listened to by one listener, until that is undone', (name) => {
  const event = name === 'shutdown' ? 'message' : name
  const before = process.listenerCount(event)
  let called = 0
  const undo = onStop(name, () => {
    called += 1
  })
  expect(process.listenerCount(event)).toBe(before + 1)
  for (const argument of ['shutdown', 'other', { type: 'shutdown' }]) {
    for (const listener of process.rawListeners(event).slice(before)) listener.call(process, argument)
  }
  expect(called).toBe(name === 'shutdown' ? 1 : 3)
  undo()
  expect(process.listenerCount(event)).toBe(before)
})
