import { describe, expect, test } from 'vitest'
import { lineOf, Program, rowOf } from '../fixtures/run/program.ts'

describe('a start that fails', () => {
  test.each(['rejects', 'throws'])('is taken back: what was opened closes, nothing more begins (%s)', async (way) => {
    const { status, out, err } = await new Program('start.ts', [way]).exit
    expect({ status, out }).toEqual({ status: 1, out: 'ready\nclosing quick\n' })
    expect(err).toContain(
      '/app failed to start:\nStartupError: /app/second failed to start: no route to the database. Impact: orders cannot be saved.',
    )
    expect(err).toContain('[cause]: Error: no route to the database')
    expect(lineOf(err)).toMatchObject({ status: 1, reason: 'the start failed', counts: { closed: 1 } })
  })

  test('is told of first, and what fails when it is taken back after it', async () => {
    const { status, err } = await new Program('start.ts', ['rejects', 'rejects']).exit
    expect(status).toBe(1)
    expect(err.indexOf('no route to the database')).toBeLessThan(err.indexOf('it broke'))
    expect(rowOf(err, '/app/rejects')).toMatchObject({ outcome: 'failed', error: { message: 'it broke' } })
  })

  test('is 81 where taking it back leaves something behind', async () => {
    expect((await new Program('start.ts', ['rejects', 'hangs']).exit).status).toBe(81)
  })

  test('by a step that takes too long names the step and the time', async () => {
    const { status, out, err } = await new Program('start.ts', ['hangs'], { env: { STEP_TIMEOUT: '200' } }).exit
    expect({ status, out }).toEqual({ status: 82, out: 'ready\nclosing quick\n' })
    expect(err).toContain('/app/second did not start within 200 ms. Impact: orders cannot be saved.')
    expect(err).toContain('ERR_STARTUP_TIMEOUT')
  })

  test('by waiting for what nothing can bring ends at once', async () => {
    const { status, out, err } = await new Program('endless.ts').exit
    expect({ status, out }).toEqual({ status: 1, out: 'closing quick\n' })
    expect(err).toContain('The event loop is empty, so main can never return.')
  })
})

describe('a stop during the start', () => {
  test('aborts the step that runs, takes back what was opened, without drain and without noise', async () => {
    const { status, out, err } = await new Program('start.ts', ['heeds']).stop()
    expect({ status, out }).toEqual({ status: 0, out: 'ready\nclosing quick\n' })
    expect(err.trim().split('\n')).toHaveLength(1)
    expect(lineOf(err)).toMatchObject({ status: 0, reason: 'SIGTERM came', counts: { closed: 2 } })
  })

  test('abandons a step that does not heed its signal, and names it', async () => {
    const { status, out, err } = await new Program('start.ts', ['hangs']).stop()
    expect({ status, out }).toEqual({ status: 81, out: 'ready\nclosing quick\n' })
    expect(err.trim().split('\n')).toHaveLength(1)
    expect(rowOf(err, '/app/second')).toMatchObject({ kind: 'task', outcome: 'abandoned' })
  })
})
