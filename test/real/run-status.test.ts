import { describe, expect, test } from 'vitest'
import { lineOf, Program, rowOf } from '../fixtures/run/program.ts'

const quickly = { grace: 100, timeout: 300 }

describe('the exit status', () => {
  test.each([
    ['0: everything closed gently', 0, ['quick', 'slow']],
    ['80: something was forced', 80, ['quick', 'stubborn']],
    ['80: something failed to close', 80, ['quick', 'rejects']],
    ['81: something was abandoned, whatever else happened', 81, ['rejects', 'hangs', 'stubborn', 'strays']],
  ] as const)('is %s', async (_, status, tempers) => {
    const options = { ...quickly, grace: 250, timeout: 2_000 }
    const exit = await new Program('service.ts', [options, ...tempers]).stop()
    expect({ status: exit.status, signal: exit.signal }).toEqual({ status, signal: null })
    expect(lineOf(exit.err).status).toBe(status)
    // Whatever one of them does, every one is asked to close.
    for (const temper of tempers) expect(exit.out).toContain(`closing ${temper}`)
  })

  test.each([
    ['grace', { grace: 100, timeout: 20_000 }],
    ['deadline', { grace: 20_000, timeout: 100 }],
  ])('is 81 when something hangs past its %s, and its path is named', async (_, options) => {
    const { status, err } = await new Program('service.ts', [options, 'quick', 'hangs']).stop()
    expect(status).toBe(81)
    expect(rowOf(err, '/app/hangs')).toMatchObject({ outcome: 'abandoned', error: { code: 'ERR_ABANDONED' } })
  })

  test.each([
    ['forced', 'stubborn', 0],
    ['forced', 'rejects', 10],
    ['abandoned', 'hangs', 11],
    ['closed', 'quick', 12],
  ])('of %s (%s) can be another: %i', async (ending, temper, status) => {
    const options = { ...quickly, statuses: { [ending]: status } }
    expect((await new Program('service.ts', [options, temper]).stop()).status).toBe(status)
  })

  test('of an error can be another', async () => {
    const { status } = await new Program('service.ts', [{ statuses: { error: 13 } }, 'strays']).stop()
    expect(status).toBe(13)
  })
})

describe("the application's own word", () => {
  test.each([0, 1, 2, 3, 54])('process.exit(%i) after a run of its own is heeded', async (status) => {
    expect((await new Program('exits.ts', ['exits after the run', `${status}`]).exit).status).toBe(status)
    expect((await new Program('exits.ts', ['exits after an embedded run', `${status}`]).exit).status).toBe(status)
  })

  test.each(['sets exitCode while open', 'sets exitCode after the run'])(
    '%s: kept when all closes gently',
    async (way) => {
      const { status, err } = await new Program('exits.ts', [way, '3']).exit
      expect(status).toBe(3)
      expect(lineOf(err).status).toBe(way.endsWith('open') ? 3 : 0)
    },
  )

  test.each([
    ['stubborn', 80],
    ['hangs', 81],
    ['strays', 1],
  ])('process.exitCode gives way to what went wrong (%s: %i)', async (temper, status) => {
    const exit = await new Program('exits.ts', ['sets exitCode while open', '3', temper]).exit
    expect(exit.status).toBe(status)
    expect(lineOf(exit.err).status).toBe(status)
  })

  test.each([0, 3])('process.exit(%i) while something is open is heeded, and one line names it', async (status) => {
    const exit = await new Program('exits.ts', ['exits while open', `${status}`]).exit
    expect(exit).toMatchObject({ status, out: '' })
    expect(exit.err).toBe(`endswell: the process exits with status ${status} while these are open: /app/quick\n`)
  })
})

test('process.exit() while nothing is open is no news', async () => {
  const exit = await new Program('exits.ts', ['exits before it opens anything', '3']).exit
  expect(exit).toMatchObject({ status: 3, out: '', err: '' })
})

describe('without a signal', () => {
  test('a run ends when its event loop is empty', async () => {
    const { status, out, err } = await new Program('endless.ts', ['done']).exit
    expect({ status, out }).toEqual({ status: 0, out: 'closing quick\n' })
    expect(lineOf(err)).toMatchObject({ reason: 'the event loop is empty', counts: { closed: 1 } })
  })

  test('a run until main ends when that returns', async () => {
    const { status, err } = await new Program('service.ts', [{ until: 'main' }, 'quick']).exit
    expect({ status, reason: lineOf(err).reason }).toEqual({ status: 0, reason: 'main has returned' })
  })

  test.each([
    ['quick', 0],
    ['rejects', 80],
  ])('a run ends when the application closes its lifecycle (%s: %i)', async (temper, status) => {
    const exit = await new Program('self.ts', [temper]).exit
    expect({ status: exit.status, reason: lineOf(exit.err).reason }).toEqual({ status, reason: 'it is Sunday' })
  })
})
