import { describe, expect, test } from 'vitest'
import { EventRoom } from '../../../src/thread/serving/event-room.ts'
import { DROPPED, POSTED, sharedWords, TAKEN, WAITING } from '../../../src/thread/wire/shared.ts'

/** Room for so many events, after so many have gone already. */
function newRoom(size: number, gone = 0) {
  const words = sharedWords(1, size)
  words[POSTED] = words[TAKEN] = gone
  return { words, room: new EventRoom(words) }
}

/** Whether a promise is settled by now. */
async function isOver(promise: Promise<unknown>): Promise<boolean> {
  const pending = {}
  await new Promise((resolve) => setImmediate(resolve))
  return (await Promise.race([promise, pending])) !== pending
}

describe('the room for events', () => {
  test.each([0, 2_147_483_646])('has so many places and counts who finds none, after %i events', (gone) => {
    const { room, words } = newRoom(3, gone)
    expect([1, 2, 3, 4, 5].map(() => room.take())).toEqual([true, true, true, false, false])
    expect(words[DROPPED]).toBe(2)
    Atomics.add(words, TAKEN, 1)
    expect([room.take(), room.take()]).toEqual([true, false])
  })

  test('is waited for only where there is none', async () => {
    const { room, words } = newRoom(1)
    await room.drained()
    expect(words[WAITING]).toBe(0)
    room.take()
    const waiting = [room.drained(), room.drained()]
    expect(await isOver(Promise.race(waiting))).toBe(false)
    expect(words[WAITING]).toBe(1)
    Atomics.add(words, TAKEN, 1)
    room.resume()
    await Promise.all(waiting)
  })

  test('is waited for anew where another was faster', async () => {
    const { room, words } = newRoom(1)
    room.take()
    const waiting = room.drained()
    Atomics.add(words, TAKEN, 1)
    expect(room.take()).toBe(true)
    room.resume()
    expect(await isOver(waiting)).toBe(false)
    Atomics.add(words, TAKEN, 1)
    room.resume()
    await waiting
  })
  test('is promised to as many as there are places, also where they ask in one turn', async () => {
    const { room, words } = newRoom(3)
    const sent = Array.from({ length: 8 }, async () => {
      await room.drained()
      return room.take()
    })
    expect(await isOver(Promise.all(sent.slice(0, 3)))).toBe(true)
    expect(await isOver(Promise.race(sent.slice(3)))).toBe(false)
    Atomics.add(words, TAKEN, 3)
    room.resume()
    expect(await isOver(Promise.all(sent.slice(3, 6)))).toBe(true)
    Atomics.add(words, TAKEN, 3)
    room.resume()
    expect(await Promise.all(sent)).toEqual(Array(8).fill(true))
    expect(words[DROPPED]).toBe(0)
  })

  test('is not kept beyond the turn for those who send nothing', async () => {
    const { room, words } = newRoom(2)
    await Promise.all([room.drained(), room.drained()])
    await room.drained()
    expect(room.take()).toBe(true)
    expect(words[POSTED]).toBe(1)
  })

  test('is given back by an event that could not be sent', () => {
    const { room } = newRoom(1)
    room.take()
    room.giveBack()
    expect(room.take()).toBe(true)
  })

  test('is not waited for by who is cancelled; where there is some, that does not matter', async () => {
    const { room, words } = newRoom(1)
    const waiter = {
      cancelled: false,
      throwIfCancelled() {
        if (this.cancelled) throw new Error('enough')
      },
    }
    room.take()
    const waiting = room.drained(waiter)
    waiter.cancelled = true
    room.resume()
    await expect(waiting).rejects.toThrow('enough')
    Atomics.add(words, TAKEN, 1)
    await room.drained(waiter)
  })
})
