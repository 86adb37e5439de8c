import { describe, expect, test } from 'vitest'
import { Lifecycle } from '../../src/kinds.ts'
import type { LifecycleEvent } from '../../src/lifecycle/event.ts'
import { defineOwnKind, ownKind } from '../../src/lifecycle/own-kind.ts'
import { Voice } from '../../src/lifecycle/voice.ts'

/** A resource as those of this house are. */
class Jar {
  static readonly kind = defineOwnKind<Jar>({
    name: 'jar',
    voiceOf: (jar) => jar.voice,
    describe: (jar) => `${jar.timeouts.length} closings`,
    note: () => 'put away',
  })
  readonly voice = new Voice('jar')
  readonly timeouts: (number | undefined)[] = []
  readonly #end = Promise.withResolvers<void>()
  readonly [ownKind] = Jar.kind

  close({ timeout }: { timeout?: number } = {}): Promise<void> {
    this.timeouts.push(timeout)
    if (timeout === 0) this.end()
    return this.#end.promise
  }

  end(): void {
    this.voice.over()
    this.#end.resolve()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.timeouts.push(Number.NaN)
  }
}

describe('an object that brings its own kind', () => {
  test('is ended by it, and not by its disposer', async () => {
    const life = new Lifecycle('life')
    const jar = life.use(new Jar(), { name: 'jar', grace: 0 })
    expect(life.snapshot().resources[0]).toMatchObject({ path: '/life/jar', kind: 'jar', description: '0 closings' })
    const { rows } = await life.close()
    expect(rows).toMatchObject([{ path: '/life/jar', kind: 'jar', outcome: 'forced', note: 'put away' }])
    expect(jar.timeouts).toEqual([2_147_483_647, 0])
  })

  test('is ended as options say, where they do', async () => {
    for (const [options, kind] of [
      [{ kind: false }, 'custom'],
      [{ close: 'end' }, 'custom'],
    ] as const) {
      await using life = new Lifecycle()
      life.use(new Jar(), options)
      expect(life.snapshot().resources[0]?.kind).toBe(kind)
    }
  })

  test('leaves its lifecycle when it is over, also where it was over before', async () => {
    await using life = new Lifecycle()
    const jar = life.use(new Jar())
    jar.end()
    expect(life.snapshot().size).toBe(0)
    life.use(jar)
    expect(life.snapshot().size).toBe(0)
  })
})

describe('what an own kind says of its end', () => {
  const outcomeOf = async (state: 'hasLost' | 'goesOn' | undefined, grace: number): Promise<unknown> => {
    const pot: Jar = new Jar()
    const kind = defineOwnKind<Jar>({
      name: 'pot',
      voiceOf: (value) => value.voice,
      describe: () => '',
      note: () => '1 did not get through',
      ...(state && { [state]: () => true }),
    })
    Object.defineProperty(pot, ownKind, { value: kind })
    const life = new Lifecycle('life')
    life.use(pot, { name: 'pot', grace })
    const closing = life.close()
    if (grace > 0) pot.end()
    const [row] = (await closing).rows
    return [row?.outcome, row?.note, (row?.error as Error | undefined)?.message]
  }
  const note = '1 did not get through'
  const message = `/life/pot has closed, but ${note}.`

  test.each([
    ['closed', undefined, 5_000, undefined],
    ['forced', undefined, 0, undefined],
    ['failed', 'hasLost', 5_000, message],
    ['forced', 'hasLost', 0, undefined],
    ['failed', 'goesOn', 5_000, message],
    ['abandoned', 'goesOn', 0, expect.stringContaining('/life/pot')],
  ] as const)('is %s, where it %s and has a grace of %s ms', async (outcome, state, grace, error) => {
    expect(await outcomeOf(state, grace)).toEqual([outcome, note, error])
  })
})

describe('a voice', () => {
  test('is heard by its own listeners, and in the lifecycle that it is used in, as long as it is there', async () => {
    await using life = new Lifecycle('life')
    const jar = new Jar()
    const events: LifecycleEvent[] = []
    const heard = (): string[] => events.splice(0).map(({ path, reason }) => `${path}: ${reason}`)
    const undo = jar.voice.subscribe((event) => events.push(event))
    jar.voice.tell('item.dropped', { reason: 'alone' })
    expect(heard()).toEqual(['/jar: alone'])
    undo()
    expect(jar.voice.isHeard('item.dropped')).toBe(false)

    life.use(jar, { name: 'inside' })
    life.subscribe((event) => event.type === 'item.dropped' && events.push(event))
    expect(jar.voice.isHeard('item.dropped')).toBe(true)
    jar.voice.tell('item.dropped', { reason: 'used' })
    expect(heard()).toEqual(['/life/inside: used'])
    life.forget(jar)
    jar.voice.tell('item.dropped', { reason: 'forgotten' })
    expect(heard()).toEqual([])
  })

  test('refuses a name that no path could hold', () => {
    for (const name of ['', 'a/b', 'a#2']) expect(() => new Voice('jar', name)).toThrow(RangeError)
  })
})
