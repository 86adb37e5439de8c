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
})
