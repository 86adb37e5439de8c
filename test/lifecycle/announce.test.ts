import { expect, test } from 'vitest'
import { defineKind, Lifecycle, type LifecycleEvent } from '../../src/index.ts'
import { announce } from '../../src/lifecycle/announce.ts'
import { scopeOf } from '../../src/lifecycle/lifecycle.ts'

const said: string[] = []
const shop = defineKind<{ name: string }>({
  name: 'shop',
  matches: () => false,
  close: () => {},
  announce: ({ name }, accepts) => {
    if (name === 'broken') throw new Error('nobody hears it')
    said.push(`${name} ${accepts ? 'goes on' : 'takes nothing new'}`)
  },
})

test('what has a way to say that it goes says so, in scopes inside as well; what it throws is published', async () => {
  await using life = new Lifecycle('mall')
  const errors: LifecycleEvent[] = []
  life.subscribe((event) => event.type === 'resource.error' && errors.push(event))
  for (const name of ['broken', 'bakery']) life.use({ name }, { kind: shop, name })
  life.defer(() => {})
  life.scope('first floor').use({ name: 'books' }, { kind: shop })
  announce(scopeOf(life), true)
  announce(scopeOf(life), false)
  expect(said).toEqual(['bakery goes on', 'books goes on', 'bakery takes nothing new', 'books takes nothing new'])
  expect(errors.map(({ path }) => path)).toEqual(['/mall/broken', '/mall/broken'])
})
