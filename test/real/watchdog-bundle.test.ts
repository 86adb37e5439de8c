import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { type BuildOptions, buildSync } from 'esbuild'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Program } from '../fixtures/run/program.ts'

const program = fileURLToPath(new URL('../fixtures/watchdog/bundled.ts', import.meta.url))
const thread = fileURLToPath(new URL('../../src/watchdog/watchdog-thread.ts', import.meta.url))
const line =
  1 +
  readFileSync(program, 'utf8')
    .split('\n')
    .findIndex((text) => text.includes('Here it spins'))

/** Bundles the program, and where it says so the watchdog's thread beside it. Gives the URL of the bundle. */
function bundle(options: BuildOptions, withThread = true): string {
  const folder = mkdtempSync(join(tmpdir(), 'endswell-bundle-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const build = (file: string, name: string): void => {
    const common: BuildOptions = { bundle: true, platform: 'node', format: 'esm', target: 'node22' }
    buildSync({ ...common, ...options, entryPoints: [file], outfile: join(folder, name) })
  }
  build(program, 'bundle.mjs')
  if (withThread) build(thread, 'watchdog-thread.js')
  return pathToFileURL(join(folder, 'bundle.mjs')).href
}

describe('in a bundle', () => {
  test.each<[string, BuildOptions]>([
    ['beside it', { sourcemap: true }],
    ['in it', { sourcemap: 'inline' }],
    ['of minified code', { sourcemap: true, minify: true, keepNames: true }],
  ])('the source is named by a source map %s', async (_, options) => {
    const { status, err } = await new Program(bundle(options), ['spins']).exit
    expect(status).toBe(83)
    expect(err).toMatch(new RegExp(`^ {2}at \\S+ \\(${program}:${line}:\\d+\\)$`, 'm'))
  })

  test('without a source map its own file is named', async () => {
    const { status, err } = await new Program(bundle({}), ['spins']).exit
    expect(status).toBe(83)
    expect(err).toMatch(/^ {2}at spin \(\/.+\/bundle\.mjs:\d+:\d+\)$/m)
  })

  test("that lacks the thread's file, the watchdog is off and a warning says so", async () => {
    const { status, err } = await new Program(bundle({}, false)).exit
    expect(status).toBe(0)
    expect(err).toMatch(/\[ENDSWELL_WATCHDOG_OFF\] EndswellWarning: The watchdog is off, .*watchdog-thread\.js/)
  })
})
