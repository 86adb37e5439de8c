import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'

const run = promisify(execFile)

const script = `
  import { Lifecycle } from ${JSON.stringify(new URL('../../src/index.ts', import.meta.url).href)}
  const life = new Lifecycle('app')
  life.scope('inside').defer(() => {}, { name: 'db' })
  await life.close()
  const { createRequire } = await import('node:module')
  const loaded = Object.keys(createRequire(import.meta.url).cache).some((path) => path.includes('/debug/'))
  console.log(JSON.stringify({ loaded }))
`

/** What a program says that opens and closes a lifecycle, with that environment variable. */
async function says(debug: string | undefined): Promise<{ lines: string[]; loaded: boolean }> {
  const { DEBUG: _, ...env } = process.env
  const options = {
    env: debug === undefined ? env : { ...env, DEBUG: debug, DEBUG_COLORS: 'no', DEBUG_HIDE_DATE: '1' },
  }
  const { stdout, stderr } = await run(
    process.execPath,
    ['--no-warnings', '--input-type=module', '-e', script],
    options,
  )
  return { lines: stderr.split('\n').filter(Boolean), ...JSON.parse(stdout) }
}

describe('the environment variable DEBUG', () => {
  test.each(['endswell:*', '*'])('set to %s shows what happens to resources and lifecycles', async (debug) => {
    const { lines } = await says(debug)
    expect(lines).toEqual([
      expect.stringMatching(/^endswell:resource created \/app\/inside \(scope\)/),
      expect.stringMatching(/^endswell:resource created \/app\/inside\/db \(callback\)/),
      expect.stringMatching(/^endswell:lifecycle closing \/app \(lifecycle\).*close\(\) was called/),
      expect.stringMatching(/^endswell:lifecycle closing \/app\/inside \(lifecycle\)/),
      expect.stringMatching(/^endswell:resource ended \/app\/inside\/db \(callback\).*closed/),
      expect.stringMatching(/^endswell:lifecycle closed \/app\/inside \(lifecycle\)/),
      expect.stringMatching(/^endswell:resource ended \/app\/inside \(scope\)/),
      expect.stringMatching(/^endswell:lifecycle closed \/app \(lifecycle\)/),
    ])
  })

  test('shows one of the two, by its namespace', async () => {
    const { lines } = await says('endswell:lifecycle')
    expect(lines).toHaveLength(4)
    expect(lines.every((line) => line.startsWith('endswell:lifecycle'))).toBe(true)
  })

  test.each([undefined, '', 'express:router'])('set to %s loads nothing, and shows nothing', async (debug) => {
    expect(await says(debug)).toEqual({ lines: [], loaded: false })
  })
})
