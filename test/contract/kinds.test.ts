import { expect, test } from 'vitest'
import { nodeKinds } from '../../src/kinds.ts'
import { describeKind, type Sample } from './contract.ts'
import * as connections from './samples/connections.ts'
import * as core from './samples/core.ts'
import * as processes from './samples/processes.ts'
import * as threads from './samples/threads.ts'

const samples: Record<string, unknown> = { ...core, ...connections, ...threads, ...processes }

for (const [name, sample] of Object.entries(samples)) describeKind(name, sample as Sample<object>)

test('every kind of Node keeps the contract', () => {
  const covered = Object.values(samples).map((sample) => (sample as Sample<object>).kind)
  for (const { name } of nodeKinds) expect(covered).toContain(name)
})
