import { Lifecycle } from 'endswell'
import { expect, test } from 'vitest'
import { play, type Stack } from './play.ts'
import { Random } from './random.ts'
import { sequenceOf } from './sequences.ts'
const N = Number(process.env['N'] ?? 5000)
const Native = (globalThis as any).AsyncDisposableStack
for (const leaks of ['sampled', 'off'] as const)
test('oracle '+leaks, async () => {
  let bad = 0
  let total = 0
  for (let seed = 1; seed <= N; seed++) {
    const seq = sequenceOf(new Random(seed))
    const a = await play(seq, new Native() as Stack)
    const b = await play(seq, new Lifecycle({leaks}) as unknown as Stack)
    total += a.length
    if (a.join('\n') !== b.join('\n') && bad++ < 3) { console.log(seed, JSON.stringify(seq, (k, v) => typeof v === 'bigint' || typeof v === 'symbol' ? String(v) : v), a, b) }
  }
  console.log(bad, total)
  expect(bad).toBe(0)
}, 100000)
