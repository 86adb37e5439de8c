import { expect, test } from 'vitest'
import { disposerOwner } from '../../src/lifecycle/node-disposer.ts'

test('the owner of a disposer is the object in the chain of prototypes that holds it, the async one first', () => {
  class Sync {
    [Symbol.dispose](): void {}
  }
  class Both extends Sync {
    async [Symbol.asyncDispose](): Promise<void> {}
  }
  class Child extends Both {}
  expect(disposerOwner(new Sync())).toBe(Sync.prototype)
  expect(disposerOwner(new Both())).toBe(Both.prototype)
  expect(disposerOwner(new Child())).toBe(Both.prototype)
  const own = Object.assign(new Child(), { [Symbol.dispose]: () => {} })
  expect(disposerOwner(own)).toBe(Both.prototype)
  const nearest = Object.assign(new Sync(), { [Symbol.dispose]: () => {} })
  expect(disposerOwner(nearest)).toBe(nearest)
  expect(disposerOwner({})).toBeUndefined()
  expect(disposerOwner(Object.create(null))).toBeUndefined()
})

test('it is found without reading it', () => {
  const value = {
    get [Symbol.asyncDispose](): never {
      throw new Error('it was read')
    },
  }
  expect(disposerOwner(value)).toBe(value)
})
