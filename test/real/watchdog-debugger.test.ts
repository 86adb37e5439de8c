import { describe, expect, test } from 'vitest'
import { Program } from '../fixtures/run/program.ts'
import { until } from '../fixtures/until.ts'
import { DebuggerOf, debuggable } from '../fixtures/watchdog/debugger.ts'

function start(way: string, deadline: number): Program {
  return new Program('../watchdog/blocked.ts', [way, { deadline }], { env: debuggable })
}

test('a program that can be debugged is ended like any other', async () => {
  const { status, err } = await start('a loop', 200).exit
  expect(status).toBe(83)
  expect(err).toContain('\n  at spin (')
})

test('a program that is being debugged, but runs, is ended too', async () => {
  const program = start('a loop', 2_000)
  await DebuggerOf.join(program)
  const { status, err } = await program.exit
  expect(status).toBe(83)
  expect(err).toContain('\n  at spin (')
})

describe('a program that a debugger has stopped', () => {
  test.each([
    ['before its deadline', 2_000],
    ['after its deadline', 1],
  ])('%s is not ended: that is told once, and it goes on when it is let go', async (_, deadline) => {
    const program = start('a loop that turns until it is told', deadline)
    const person = await DebuggerOf.join(program)
    await program.said('ready')
    await person.stop()
    const told = 'endswell: the deadline of /app/prices (step, '
    await until('it is told', () => program.err.includes(told), 10_000)
    await person.ask('Debugger.resume')
    program.child.kill('SIGUSR2')
    await person.leave()
    const { status, err } = await program.exit
    expect(status).toBe(0)
    expect(err.split(told)).toHaveLength(2)
    expect(err).toContain(') has passed, but a debugger has stopped the program\n')
  })
})
