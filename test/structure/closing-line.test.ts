import { execFile } from 'node:child_process'
import { expect, test } from 'vitest'
import { root } from './sources.ts'

/** Runs the named cases of `closing-line/` and gives the last line that was printed. */
function lastLine(...cases: string[]): Promise<string | undefined> {
  const config = `${root}test/structure/closing-line/vitest.config.ts`
  const args = [`${root}node_modules/vitest/vitest.mjs`, 'run', '--config', config, ...cases]
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: root }, (_failure, stdout) => resolve(stdout.trimEnd().split('\n').at(-1)))
  })
}

test.each([
  ['tests that pass, fail, are skipped, and whose hook throws', 'outcomes', '2 passed, 2 failed'],
  ['a file that cannot be loaded is a failure', 'broken', '0 passed, 1 failed'],
  ['an error outside every test is a failure', 'stray', '1 passed, 1 failed'],
])('%s', async (_, name, line) => {
  expect(await lastLine(name)).toBe(line)
})
