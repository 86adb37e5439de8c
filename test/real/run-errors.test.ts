import { describe, expect, test } from 'vitest'
import { lineOf, Program, rowOf } from '../fixtures/run/program.ts'

const failures = ['throw', 'reject'] as const

describe.each(failures)('what nothing catches (%s)', (failure) => {
  test('ends the run in order, with status 1, and is shown with its stack', async () => {
    const { status, out, err } = await new Program('errors.ts', [failure]).exit
    expect(status).toBe(1)
    expect(out).toContain('closing quick')
    expect(err).toMatch(/^\/app an error was not caught:\nError: nobody catches this\n {4}at .*errors\.ts/)
    expect(lineOf(err)).toMatchObject({ status: 1, reason: 'an error was not caught', counts: { closed: 2 } })
  })

  test("lives on where onError says 'continue', and it is shown all the same", async () => {
    const { status, out, err } = await new Program('errors.ts', [failure, 'continue']).stop()
    expect({ status, out }).toEqual({ status: 0, out: 'ready\nclosing quick\nasked 1\n' })
    expect(err).toContain('Error: nobody catches this')
    expect(lineOf(err).reason).toBe('SIGTERM came')
  })

  test.each(['7', '9'])('ends with status %s where onError says so', async (chosen) => {
    const { status, out } = await new Program('errors.ts', [failure, chosen]).exit
    expect({ status, out }).toMatchObject({ status: Number(chosen), out: expect.stringContaining('closing quick') })
  })

  test.each(['300', '1.5', '-1'])('ends with status 1 where onError says %s, which is none', async (chosen) => {
    const { status, err } = await new Program('errors.ts', [failure, chosen]).exit
    expect(status).toBe(1)
    expect(err).toContain('The status that onError returned must be a whole number from 0 to 255')
  })

  test.each(['throws', 'rejects'])('ends with status 1 where onError %s, which is shown', async (way) => {
    const { status, out, err } = await new Program('errors.ts', [failure, way]).exit
    expect(status).toBe(1)
    expect(out).toMatch(/^closing quick\n(ready\n)?asked 1\n$/)
    expect(err).toContain('/app onError failed:\nError: onError broke')
    expect(err).toContain('nobody catches this')
  })
})

describe('a supervision that gives up', () => {
  test('is told of, and the run goes on', async () => {
    const { status, out, err } = await new Program('gives-up.ts').stop()
    expect({ status, out }).toEqual({ status: 0, out: 'ready\nclosing quick\n' })
    expect(err).toMatch(/^\/app goes on, although\nEndswellError: \/app\/feed gave up: .*more than 0 times/)
    expect(err).toContain('the feed broke')
  })

  test('ends the run with status 1 where nothing else goes on', async () => {
    const { status, err } = await new Program('gives-up.ts', ['alone']).exit
    expect(status).toBe(1)
    expect(lineOf(err)).toMatchObject({ status: 1, reason: 'the event loop is empty' })
  })

  test('ends the run where it is fatal, and is told of once', async () => {
    const { status, out, err } = await new Program('gives-up.ts', ['fatal']).exit
    expect(status).toBe(1)
    expect(out).toContain('closing quick')
    expect(err.match(/the feed broke/g)).toHaveLength(1)
    expect(err).toMatch(/^\/app\/feed failed, and it is fatal:/)
  })
})

describe('while everything closes', () => {
  test.each(['rejects', 'throws'])('a disposer that %s is an outcome, not an uncaught error: 80', async (temper) => {
    const { status, out, err } = await new Program('service.ts', [{}, 'quick', temper]).stop()
    expect({ status, out }).toEqual({ status: 80, out: `ready\nclosing ${temper}\nclosing quick\nover\n` })
    expect(lineOf(err)).toMatchObject({ counts: { closed: 2, failed: 1 } })
    expect(rowOf(err, `/app/${temper}`)).toMatchObject({ outcome: 'failed', error: { message: 'it broke' } })
  })

  test('an error that strays from a disposer is uncaught, the others still close: 1', async () => {
    const { status, out, err } = await new Program('service.ts', [{}, 'quick', 'strays']).stop()
    expect({ status, out }).toEqual({ status: 1, out: 'ready\nclosing strays\nclosing quick\nover\n' })
    expect(err).toContain('/app an error was not caught:\nError: it broke')
    expect(lineOf(err)).toMatchObject({ status: 1, reason: 'SIGTERM came', counts: { closed: 3 } })
  })

  test('an error that strays from the last flush still counts: 1', async () => {
    const { status, out } = await new Program('logger.ts', ['lets an error stray']).exit
    expect({ status, out }).toEqual({ status: 1, out: 'closing quick\nflushed\n' })
  })
})

test('a fatal task that fails ends the run in order, with status 1', async () => {
  const { status, out, err } = await new Program('fatal.ts').exit
  expect({ status, out }).toEqual({ status: 1, out: 'closing quick\n' })
  expect(err).toContain('/app/feed failed, and it is fatal:\nError: the feed broke')
  expect(lineOf(err).reason).toBe('/app/feed failed')
})
