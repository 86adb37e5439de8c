import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const program = fileURLToPath(new URL('../fixtures/program.ts', import.meta.url))

test('a program that closes its workers and process groups has ended them all, and ends by itself', async () => {
  const options = { timeout: 15_000, env: { ...process.env, NODE_OPTIONS: '--disable-warning=ExperimentalWarning' } }
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [program], options)
  expect(JSON.parse(stdout)).toEqual({
    '/program/exits': 'closed',
    '/program/deaf': 'closed',
    '/program/busy': 'forced',
    '/program/ignores': 'forced',
    '/program/obey over obey': 'closed',
    '/program/obey over ignore': 'forced',
    '/program/ignore over ignore': 'forced',
  })
  expect(stderr).toBe('')
})
