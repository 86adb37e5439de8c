import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { linesOf, Program } from '../fixtures/run/program.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

test.each([
  [['brief', 'slow'], 0, [0, 0]],
  [['slow', 'brief'], 0, [0, 0]],
  [['throws', 'slow'], 80, [80, 0]],
  [['slow', 'strays'], 1, [1, 1]],
])('two runs in one process (%j) both end before it exits, with status %i', async (tempers, status, statuses) => {
  const exit = await new Program('two.ts', tempers).stop()
  expect(exit.status).toBe(status)
  for (const temper of tempers) expect(exit.out).toContain(`${temper} is over\n`)
  const lines = tempers.map((temper) => linesOf(exit.err).filter(({ path }) => path === `/${temper}`))
  expect(lines.map(([line, ...others]) => [line?.status, others.length])).toEqual(statuses.map((own) => [own, 0]))
})

test('two copies of the package share one listener for each event, and one exit', async () => {
  const urls = [copy(), copy()]
  const { status, out, err } = await new Program('copies.mjs', urls).stop()
  expect(out).toBe('listeners 1,1,1,1\ndifferent 2\nready\nclosing 0\nclosing 1\n')
  expect(linesOf(err).map(({ path }) => path)).toEqual(['/copy0', '/copy1'])
  expect(status).toBe(0)
})

test('fifty runs add one listener for each event, which go with the last, and no warning', async () => {
  const { status, out, err } = await new Program('many.ts', ['50']).stop()
  const { before, during, after } = JSON.parse(out.split('\n')[1] ?? '')
  expect(during).toEqual({ ...before, SIGTERM: 1, SIGINT: 1, SIGHUP: 1, message: 1, disconnect: 1 })
  expect(after).toEqual(before)
  expect({ status, err }).toEqual({ status: 0, err: '' })
})

/** Installs the built package once more, in a folder of its own, and gives the address of its entry. */
function copy(): string {
  const folder = mkdtempSync(join(tmpdir(), 'endswell-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  cpSync(join(root, 'dist'), join(folder, 'dist'), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  return pathToFileURL(join(folder, 'dist', 'index.js')).href
}
