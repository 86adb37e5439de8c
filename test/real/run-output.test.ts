import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { lineOf, Program } from '../fixtures/run/program.ts'

const withIpc = { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] } as const

describe('standard error', () => {
  test('gets one line of JSON with status and counts', async () => {
    const { err } = await new Program('service.ts', [{ grace: 100 }, 'slow', 'rejects', 'quick']).stop()
    expect(err).toMatch(/^\{.*\}\n$/)
    expect(err.split('\n')).toHaveLength(2)
    expect(lineOf(err)).toMatchObject({
      ...{ event: 'endswell:shutdown', status: 80, path: '/app', reason: 'SIGTERM came', complete: true },
      counts: { closed: 2, forced: 1, failed: 1, abandoned: 0 },
    })
    const outcomes = lineOf(err).rows.map(({ path, outcome }) => `${path} ${outcome}`)
    expect(outcomes.sort()).toEqual([
      '/app/quick closed',
      '/app/rejects failed',
      '/app/slow forced',
      '/app/timer closed',
    ])
  })

  test.each(['quick', 'rejects', 'stubborn'])('gets nothing where the report is off (%s)', async (temper) => {
    const { err } = await new Program('service.ts', [{ report: false, grace: 100 }, temper]).stop()
    expect(err).toBe('')
  })

  test('gets nothing where the report is off, not even when a second signal exits', async () => {
    const program = new Program('service.ts', [{ report: false, secondSignal: 'exit' }, 'hangs'])
    await program.said('ready')
    program.child.kill('SIGTERM')
    await program.said('closing hangs')
    program.child.kill('SIGINT')
    expect(await program.exit).toMatchObject({ status: 130, err: '' })
  })

  test('is a terminal: it shows live what still closes, then the tree', async () => {
    const program = new Program('service.ts', [{ until: 'main', grace: 400 }, 'quick', 'stubborn'], { terminal: true })
    const { status, out } = await program.exit
    expect(status).toBe(80)
    expect(out).toMatch(/\/app is closing, \d+ ms: stubborn; 2 to come/)
    const tree = out.slice(out.indexOf('/app ended: 3 resources (2 closed, 1 forced) in'))
    expect(tree.split('\r\n').map((line) => line.replace(/(closed|forced) .*/, '$1'))).toEqual([
      expect.stringContaining('because main has returned'),
      '├─ stubborn  forced',
      expect.stringMatching(/├─ (quick|timer) {2}closed/),
      expect.stringMatching(/└─ (quick|timer) {2}closed/),
      'over',
      '',
    ])
  })
})

describe('the standard streams', () => {
  test('hand over all that was written to a reader that is slow', async () => {
    const lines = 20_000
    const program = new Program('flood.ts', [`${lines}`, '15000'], withIpc)
    program.child.stdout?.pause()
    await once(program.child, 'message')
    await sleep(100)
    program.child.stdout?.resume()
    const { status, out } = await program.exit
    expect(status).toBe(0)
    expect(out.split('\n')).toHaveLength(lines + 1)
    expect(out.slice(-100)).toContain(`${lines}: ....`)
  })

  test('are not waited for longer than flushTimeout', async () => {
    const program = new Program('flood.ts', ['20000', '300'], withIpc)
    program.child.stdout?.pause()
    const [status] = await once(program.child, 'exit')
    expect(status).toBe(0)
    program.child.stdout?.resume()
    const { out, err } = await program.exit
    expect(out.split('\n').length).toBeLessThan(20_000)
    expect(err).toContain('/app flushing failed:\nError: It took longer than 300 ms, so the rest may be lost.')
  })

  test('may be closed: that is no error', async () => {
    const program = new Program('mute.ts', [], withIpc)
    await once(program.child, 'message')
    program.child.stdout?.destroy()
    program.child.stderr?.destroy()
    program.child.kill('SIGTERM')
    expect(await once(program.child, 'exit')).toEqual([0, null])
  })

  test('may be closed when an error is to be shown: that is not the next error', async () => {
    const program = new Program('errors.ts', ['throw', 'continue'])
    program.child.stderr?.destroy()
    const { status, out } = await program.stop()
    expect({ status, out }).toEqual({ status: 0, out: 'ready\nclosing quick\nasked 1\n' })
  })
})

describe('a logger', () => {
  test.each(['calls back', 'returns a promise', 'takes nothing, and returns a promise', 'does it in step'])(
    'is flushed when all has closed (%s)',
    async (way) => {
      const { status, out, err } = await new Program('logger.ts', [way]).exit
      expect({ status, out }).toEqual({ status: 0, out: 'closing quick\nflushed\n' })
      expect(err).not.toContain('flushing failed')
    },
  )

  test('that never says that it is done does not hold the exit', async () => {
    const { status, err } = await new Program('logger.ts', ['never calls back']).exit
    expect(status).toBe(0)
    expect(err).toContain('/app flushing failed:\nError: It took longer than 300 ms')
  })

  test.each(['throws', 'calls back with an error'])('that %s is named', async (way) => {
    const { status, err } = await new Program('logger.ts', [way]).exit
    expect(status).toBe(0)
    expect(err).toContain('/app flushing failed:\nError: the disk is full')
  })
})
