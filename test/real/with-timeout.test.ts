import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const program = fileURLToPath(new URL('../fixtures/with-timeout/late.ts', import.meta.url))

/** The lines that the program prints, which waits for nothing but the timeout and must not end before. */
async function linesOf(how: string): Promise<string[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [program, how])
  return stdout.trim().split('\n')
}

test.each([
  ['a late value without a taker is dropped', 'dropped', []],
  ['a late value goes to its taker', 'taken', ['taken value']],
  ['a late failure is absorbed', 'fails', []],
  ['what the taker throws is a rejection that nobody handled', 'throws', ['unhandled thrown late']],
  ['what the taker rejects with is one too', 'rejects', ['unhandled rejected late']],
])('%s, and nothing is left', async (_, how, heard) => {
  const lines = await linesOf(how)
  expect(lines.toSorted()).toEqual(['ERR_TIMEOUT', 'left 0 timers, 0 listeners', ...heard].toSorted())
})
