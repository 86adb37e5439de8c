import { Lifecycle } from 'endswell'
import { FakeClock } from 'endswell/testing'
import { describe, expect, test } from 'vitest'
import { Log, thrownBy, wait } from './stubs.ts'

describe('forget', () => {
  test('stops tracking without ending, and tells whether it was held', async () => {
    const life = new Lifecycle('app')
    const log = new Log()
    const forgotten: string[] = []
    life.subscribe(({ type, path }) => type === 'resource.forgotten' && forgotten.push(path))
    const value = life.adopt({}, log.at('ended'), { name: 'db' })
    life.defer(log.at('other'), { name: 'other' })
    expect(life.forget(value)).toBe(true)
    expect(life.forget(value)).toBe(false)
    expect(life.forget('other')).toBe(true)
    expect(thrownBy(() => life.forget('other')).code).toBe('ERR_UNKNOWN_RESOURCE')
    await life.close()
    expect(log.lines).toEqual([])
    expect(forgotten).toEqual(['/app/db', '/app/other'])
  })

  test('forgets all entries of a value', async () => {
    const life = new Lifecycle()
    const log = new Log()
    const value = life.adopt({}, log.at('one'))
    life.adopt(value, log.at('two'))
    expect(life.forget(value)).toBe(true)
    await life.close()
    expect(log.lines).toEqual([])
  })

  test('takes the listeners off that would have told of its end', () => {
    const life = new Lifecycle()
    let listening = 0
    const kind = {
      name: 'loud',
      matches: () => false,
      close: () => {},
      onGone: () => {
        listening += 1
        return () => {
          listening -= 1
        }
      },
    }
    const value = life.use({}, { kind })
    expect(listening).toBe(1)
    life.forget(value)
    expect(listening).toBe(0)
  })

  test('lets a scope go on, on its own', async () => {
    const life = new Lifecycle('app')
    const log = new Log()
    const scope = life.scope('inside')
    scope.defer(log.at('ended'), { name: 'deep' })
    const heard: string[] = []
    life.subscribe(({ path }) => heard.push(path))
    expect(life.forget('inside')).toBe(true)
    await life.close()
    expect(scope.state).toBe('open')
    expect(log.lines).toEqual([])
    await scope.task('work', () => Promise.reject(new Error('broken')), { fatal: true }).catch(() => {})
    expect(await scope.close()).toMatchObject({ reason: '/app/inside/work failed: broken', counts: { closed: 1 } })
    expect(log.lines).toEqual(['ended'])
    expect(heard).toEqual(['/app/inside', '/app', '/app'])
  })

  test('does not stop what is on its way out', async () => {
    const clock = new FakeClock()
    const life = new Lifecycle({ clock })
    const value = life.adopt({}, () => wait(clock, 10))
    const released = life.release(value)
    expect(life.forget(value)).toBe(false)
    await clock.advance(10)
    expect(await released).toBe('closed')
  })
})
