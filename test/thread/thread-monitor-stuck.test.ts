import { once } from 'node:events'
import { Session } from 'node:inspector'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { fifo } from '../fixtures/monitor/fifo.ts'
import { done, isFree, monitorOf, tell, threadOf, until } from '../fixtures/monitor/threads.ts'

describe('a thread in native code that does not come back is native:', () => {
  test('a child process that is waited for, and other threads are found meanwhile', async () => {
    const { reports, row } = monitorOf()
    const thread = await threadOf('native')
    const { file, release } = fifo()
    const over = done(thread)
    await tell(thread, { way: 'exec', file })
    const slow = await threadOf('slow')
    const of = (name: string) => reports.filter((report) => report.name === name).map(({ verdict }) => verdict)
    while (of('slow').length < 4) {
      const worked = done(slow)
      await tell(slow, { way: 'spin', ms: 1_000 })
      await worked
    }
    await until('it is found', () => row('native')?.verdict === 'native')
    release()
    await over
    await until('it has recovered', () => of('native').length === 2)
    // The stop that it was asked for and did not hear of does not come when it is back.
    await isFree(thread)
    expect(of('slow').slice(0, 4)).toEqual(['hung', 'recovered', 'hung', 'recovered'])
    expect(of('native')).toEqual(['native', 'recovered'])
    expect(reports.find(({ verdict }) => verdict === 'native')?.frames).toEqual([])
  })

  test('a read that blocks; terminated, it is abandoned, and that is said', async () => {
    const { reports, monitor } = monitorOf({ action: 'terminate' })
    const { file, release } = fifo()
    const thread = await threadOf('native', { way: 'read', file })
    await until('it is abandoned', () => reports.length === 2)
    expect(reports).toMatchObject([
      { verdict: 'native', note: 'It is terminated.' },
      { verdict: 'native', note: expect.stringContaining('it is abandoned') },
    ])
    expect(monitor.counts).toMatchObject({ native: 1, abandoned: 1, terminated: 0 })
    release()
    await until('it has ended', () => thread.threadId === -1)
  })
})

describe('with action: terminate', () => {
  test('a thread that hangs is ended, and its neighbours are not', async () => {
    const { reports, monitor } = monitorOf({ action: 'terminate' })
    const neighbour = await threadOf('neighbour')
    const thread = await threadOf('pricing')
    const exit = once(thread, 'exit')
    await tell(thread, { way: 'spin' })
    expect(await exit).toEqual([1])
    expect(reports).toMatchObject([{ verdict: 'hung', note: 'It is terminated.' }])
    await until('it is gone', () => monitor.counts.ended === 1)
    expect(monitor.counts).toMatchObject({ terminated: 1, abandoned: 0 })
    await isFree(neighbour)
  })
})

describe("somebody else's debugger", () => {
  test('that has stopped the thread is not disturbed, and nobody is accused', async () => {
    const { reports, row } = monitorOf({ action: 'terminate' })
    const thread = await threadOf('debugged')
    await until('it runs', () => row('debugged')?.verdict === 'running')
    const { resume, stops } = await debug(thread.threadId)
    await until('it is found', () => reports.length > 0)
    expect(reports[0]).toMatchObject({ verdict: 'debugged', frames: [] })
    await sleep(300)
    expect(stops()).toBe(1)
    expect(row('debugged')?.verdict).toBe('debugged')
    resume()
    await until('it goes on', () => row('debugged')?.verdict === 'running')
    expect(reports.map(({ verdict }) => verdict)).toEqual(['debugged', 'recovered'])
  })
})

/** Stops a worker as a person would. */
async function debug(threadId: number): Promise<{ resume: () => void; stops: () => number }> {
  const session = new Session()
  session.connect()
  onTestFinished(() => session.disconnect())
  let sessionId = ''
  let stops = 0
  session.on('NodeWorker.attachedToWorker', ({ params }) => {
    if (params.workerInfo.title.startsWith(`[worker ${threadId}]`)) sessionId = params.sessionId
  })
  session.on('NodeWorker.receivedMessageFromWorker', ({ params }) => {
    if (params.message.includes('Debugger.paused')) stops += 1
  })
  session.post('NodeWorker.enable', { waitForDebuggerOnStart: false })
  const send = (method: string) =>
    session.post('NodeWorker.sendMessageToWorker', { sessionId, message: JSON.stringify({ id: 1, method }) })
  send('Debugger.enable')
  send('Debugger.pause')
  await until('it has stopped', () => stops > 0)
  return { resume: () => send('Debugger.resume'), stops: () => stops }
}
