import { describe, expect, test } from 'vitest'
import { EventFan } from '../../../src/thread/wire/event-fan.ts'
import type { BridgeEvents } from '../../../src/thread/wire/event-queue.ts'

/** A fan whose events come from one thread that counts those that are under way no more. */
function newFan() {
  const fan = new EventFan()
  const source = {
    count: 0,
    consumed(count: number) {
      this.count += count
    },
  }
  const tell = (...values: unknown[]) => {
    for (const value of values)
      fan.publish({ name: 'count', value, thread: '/bridge/thread-1', method: undefined, call: undefined }, source)
  }
  return { fan, source, tell }
}

/** What waits there, when no more will come. */
async function rest(events: BridgeEvents): Promise<unknown[]> {
  const values: unknown[] = []
  for await (const { value } of events) values.push(value)
  return values
}

describe('events', () => {
  test('are gone where nobody listens', () => {
    const { source, tell, fan } = newFan()
    tell(1, 2)
    expect(source.count).toBe(2)
    expect(fan.dropped).toBe(0)
  })

  test('go to each consumer, from when it listens', async () => {
    const { fan, tell } = newFan()
    const one = fan.open({})
    tell(1)
    const two = fan.open({})
    tell(2)
    fan.close()
    expect(await rest(one)).toEqual([1, 2])
    expect(await rest(two)).toEqual([2])
    expect(await rest(fan.open({}))).toEqual([])
  })

  test('that find no room push out the oldest, and are never under way', async () => {
    const { fan, tell, source } = newFan()
    const events = fan.open({ max: 2 })
    tell(1, 2, 3, 4)
    expect(source.count).toBe(4)
    expect([events.dropped, fan.dropped]).toEqual([2, 2])
    fan.close()
    expect(await rest(events)).toEqual([3, 4])
  })

  test('that find no room are dropped themselves, where that is asked for', async () => {
    const { fan, tell, source } = newFan()
    const events = fan.open({ max: 2, overflow: 'drop-newest' })
    tell(1, 2, 3, 4)
    expect(source.count).toBe(4)
    expect([events.dropped, fan.dropped]).toEqual([2, 2])
    fan.close()
    expect(await rest(events)).toEqual([1, 2])
  })

  test('that wait are under way until they are taken, and none is dropped', async () => {
    const { fan, tell, source } = newFan()
    const events = fan.open({ max: 2, overflow: 'wait' })
    tell(1, 2, 3, 4)
    expect(source.count).toBe(0)
    await events.next()
    expect(source.count).toBe(1)
    fan.close()
    expect(await rest(events)).toEqual([2, 3, 4])
    expect(source.count).toBe(4)
    expect(fan.dropped).toBe(0)
  })

  test('are under way until the last of those that hold them has taken them', async () => {
    const { fan, tell, source } = newFan()
    const [one, two] = [fan.open({ overflow: 'wait' }), fan.open({ overflow: 'wait' })]
    tell(1)
    await one.next()
    expect(source.count).toBe(0)
    await two.next()
    expect(source.count).toBe(1)
  })

  test('are taken at once by who waits for them', async () => {
    const { fan, tell, source } = newFan()
    const events = fan.open({ overflow: 'wait' })
    const next = events.next()
    tell(1)
    expect(source.count).toBe(1)
    expect((await next).value).toMatchObject({ name: 'count', value: 1, thread: '/bridge/thread-1' })
  })

  test('hold nobody up when their consumer has stopped', async () => {
    const { fan, tell, source } = newFan()
    const events = fan.open({ overflow: 'wait' })
    tell(1, 2)
    for await (const _ of events) break
    expect(source.count).toBe(2)
    tell(3)
    expect(source.count).toBe(3)
    expect(fan.dropped).toBe(0)
    expect(await rest(events)).toEqual([])
  })
})
