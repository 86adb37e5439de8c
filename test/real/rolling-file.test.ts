/**
 * A rolling file whose process is killed at moments of chance: what had resolved is there, and nothing is half there but
 * perhaps the last line. `ENDSWELL_ROUNDS=200` is the long form.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { RollingFile } from 'endswell/disk'
import { expect, onTestFinished, test } from 'vitest'
import { ownFolder } from '../fixtures/folder.ts'

const program = fileURLToPath(new URL('../fixtures/disk/writer.ts', import.meta.url))
const rounds = Number(process.env['ENDSWELL_ROUNDS'] ?? 3)

/** Lets the program write and kills it at some moment after its first word. Gives the last number it was told is written. */
async function writeAndDie(...args: readonly string[]): Promise<number> {
  const child: ChildProcess = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  let text = ''
  child.stdout?.on('data', (chunk) => {
    text += chunk
  })
  await once(child.stdout as NonNullable<typeof child.stdout>, 'data')
  await sleep(Math.random() * 60)
  child.kill('SIGKILL')
  await once(child, 'close')
  const told = text.split('\n').slice(0, -1).map(Number)
  return Math.max(...told)
}

/** Whether a line is a record as a whole. */
function isWhole(line: string): boolean {
  const [, filling = '', length] = /^\d+ (x*) (\d+)$/.exec(line) ?? []
  return length !== undefined && filling.length === Number(length)
}

async function linesOf(path: string): Promise<string[]> {
  await using file = new RollingFile({ path, fsync: 'never' })
  const paths = await file.files()
  return paths
    .toReversed()
    .map((each) => readFileSync(each, 'utf8'))
    .join('')
    .split('\n')
}

test.each(['always', 'never'] as const)(
  'what was appended before kill -9 is there once, in order, and no line is torn but the last (fsync: %s)',
  async (fsync) => {
    let rotated = 0
    for (let round = 0; round < rounds; round += 1) {
      const path = join(ownFolder(), 'log')
      let from = 0
      for (const life of [1, 2]) {
        const last = await writeAndDie(path, fsync, String(from))
        const lines = await linesOf(path)
        // What comes after the last line end: nothing, or what the kill has torn.
        lines.pop()
        const whole = lines.filter(isWhole).map((line) => Number.parseInt(line, 10))
        expect(whole).toEqual(whole.toSorted((one, other) => one - other))
        expect(new Set(whole).size).toBe(whole.length)
        expect(whole.at(-1)).toBeGreaterThanOrEqual(last)
        expect(whole.length).toBe((whole.at(-1) ?? 0) + 1)
        // What an earlier kill has torn, the next opening has ended.
        expect(lines.length - whole.length).toBeLessThanOrEqual(life - 1)
        from = (whole.at(-1) ?? 0) + 1
      }
      rotated += readdirSync(join(path, '..')).length - 1
    }
    expect(rotated).toBeGreaterThan(0)
  },
  600_000,
)

test('a file that is replaced over and over is whole whenever its process is killed, and what a death leaves goes', async () => {
  const folder = ownFolder()
  const path = join(folder, 'log')
  let from = 0
  for (let round = 0; round < 2 * rounds; round += 1) {
    const last = await writeAndDie(path, round % 2 ? 'always' : 'never', String(from), 'replace')
    const lines = readFileSync(path, 'utf8').split('\n')
    expect(lines.pop()).toBe('')
    expect(lines).toHaveLength(500)
    expect(new Set(lines).size).toBe(1)
    expect(isWhole(lines[0] ?? '')).toBe(true)
    expect(Number.parseInt(lines[0] ?? '', 10)).toBeGreaterThanOrEqual(last)
    from = Number.parseInt(lines[0] ?? '', 10) + 1
  }
  await using file = new RollingFile({ path })
  await file.append('')
  expect(readdirSync(folder)).toEqual(['log'])
}, 600_000)
