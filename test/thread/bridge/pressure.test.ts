import { expect, test } from 'vitest'
import { Pressure } from '../../../src/thread/bridge/pressure.ts'

test('it tells when the upper mark is reached, and the lower one after that, and not between', () => {
  const told: string[] = []
  const pressure = new Pressure(8, 5, (state) => told.push(state))
  for (const size of [1, 7, 8, 9, 8, 7, 6, 8, 5, 7, 5, 8, 0]) pressure.set(size)
  expect(told).toEqual(['high', 'low', 'high', 'low'])
})

test('room is there at once below the lower mark, else when that is reached again', async () => {
  const pressure = new Pressure(8, 5, () => {})
  await pressure.room
  pressure.set(6)
  const { room } = pressure
  let isThere = false
  room.then(() => {
    isThere = true
  })
  await Promise.resolve()
  expect(isThere).toBe(false)
  pressure.set(5)
  await room
})

test('whoever waits is sent away when there will be no room', async () => {
  const pressure = new Pressure(1, 0, () => {})
  pressure.set(1)
  const { room } = pressure
  pressure.refuse(new Error('closed'))
  await expect(room).rejects.toThrow('closed')
})
