import { test } from 'vitest'

test('passes, and leaves a rejection behind', () => {
  void Promise.reject(new Error('Nobody waits for this.'))
})
