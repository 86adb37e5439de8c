import { defineKind, type Kind } from 'endswell'
import { expect, test } from 'vitest'
import { thrownBy } from './stubs.ts'

const whole: Kind = {
  name: 'thing',
  matches: () => true,
  close: () => {},
  force: () => {},
  isGone: () => false,
  onGone: () => () => {},
  describe: () => 'a thing',
  grace: 100,
}

test('a kind is plain frozen data, apart from what it was defined by', () => {
  const kind = defineKind(whole)
  expect(kind).toEqual(whole)
  expect(kind).not.toBe(whole)
  expect(Object.isFrozen(kind)).toBe(true)
})

test('a kind needs a name, and functions to match and to close', () => {
  for (const part of ['name', 'matches', 'close'] as const) {
    const error = thrownBy(() => defineKind({ ...whole, [part]: undefined } as never))
    expect(error).toBeInstanceOf(TypeError)
    expect(error).toMatchObject({
      code: 'ERR_INVALID_ARG_TYPE',
      message: expect.stringContaining(`kind.${part} must be`),
    })
  }
})

test.each<[string, unknown, string]>([
  ['a definition that is none', undefined, 'ERR_INVALID_ARG_TYPE'],
  ['a name with a slash', { ...whole, name: 'a/b' }, 'ERR_OUT_OF_RANGE'],
  ['an empty name', { ...whole, name: '' }, 'ERR_OUT_OF_RANGE'],
  ['a part that is no function', { ...whole, force: 'kill' }, 'ERR_INVALID_ARG_TYPE'],
  ['a negative grace', { ...whole, grace: -1 }, 'ERR_OUT_OF_RANGE'],
  ['an endless grace', { ...whole, grace: Number.POSITIVE_INFINITY }, 'ERR_OUT_OF_RANGE'],
  ['an unknown part', { ...whole, onGon: () => {} }, 'ERR_UNKNOWN_OPTION'],
])('%s is refused', (_what, definition, code) => {
  expect(thrownBy(() => defineKind(definition as never))).toMatchObject({ code })
})
