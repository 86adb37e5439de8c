import { describe, expect, test } from 'vitest'
import { Inbox } from '../../../src/thread/wire/inbox.ts'

/** An inbox, and what was taken out of it. */
function newInbox() {
  const taken: number[] = []
  return { inbox: new Inbox<number>((value) => taken.push(value)), taken }
}

describe('an inbox', () => {
  test('hands out what came in its order, to who asks before or after', async () => {
    const { inbox, taken } = newInbox()
    const early = [inbox.next(), inbox.next()]
    for (const value of [1, 2, 3, 4]) inbox.push(value)
    expect(inbox.size).toBe(2)
    const all = await Promise.all([...early, inbox.next(), inbox.next()])
    expect(all.map(({ value }) => value)).toEqual([1, 2, 3, 4])
    expect(taken).toEqual([1, 2, 3, 4])
  })

  test.each(['finish', 'fail'] as const)('delivers what waits before its %s, once', async (how) => {
    const { inbox } = newInbox()
    inbox.push(1)
    inbox[how]('end')
    inbox[how]('again')
    inbox.push(2)
    expect(await inbox.next()).toEqual({ done: false, value: 1 })
    if (how === 'finish') expect(await inbox.next()).toEqual({ done: true, value: 'end' })
    else await expect(inbox.next()).rejects.toBe('end')
    expect(await inbox.next()).toEqual({ done: true, value: undefined })
  })

  test('tells one of those who wait how it ended, and the others that it has', async () => {
    const { inbox } = newInbox()
    const waiting = [inbox.next(), inbox.next(), inbox.next()]
    inbox.fail('broken')
    const [one, two, three] = await Promise.allSettled(waiting)
    expect(one).toMatchObject({ status: 'rejected', reason: 'broken' })
    for (const each of [two, three]) expect(each).toMatchObject({ value: { done: true } })
  })

  test('keeps its order however much is put in and taken out', async () => {
    const { inbox } = newInbox()
    const out: number[] = []
    let next = 0
    for (let turn = 0; turn < 1_000; turn += 1) {
      for (let count = turn % 7; count > 0; count -= 1) inbox.push(next++)
      for (let count = turn % 5; count > 0 && inbox.size > 0; count -= 1) out.push(inbox.shift())
    }
    out.push(...inbox.clear())
    expect(out).toEqual(Array.from({ length: next }, (_, at) => at))
    expect(inbox.size).toBe(0)
  })
})
