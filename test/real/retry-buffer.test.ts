/**
 * A program that is killed at any moment: whatever it had acknowledged as being on disk is there, or has been saved.
 * `ENDSWELL_ROUNDS=200` is the long form.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { RetryBuffer } from 'endswell/bounded'
import { expect, test } from 'vitest'
import { ownFolder } from '../fixtures/folder.ts'

const rounds = Number(process.env['ENDSWELL_ROUNDS'] ?? 15)
const program = fileURLToPath(new URL('../fixtures/retry/killed.ts', import.meta.url))

/** Runs the program until it has acknowledged something, and kills it a little later. What it printed comes back. */
async function runAndKill(folder: string, round: number): Promise<string[]> {
  const child = spawn(process.execPath, [program, folder, `${round}`], { stdio: ['ignore', 'pipe', 'inherit'] })
  const closed = once(child, 'close')
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (more: string) => {
    text += more
  })
  while (text.split('\n').length < 3) await once(child.stdout, 'data')
  // No event says when: the moment is what is tried.
  await sleep(Math.random() * 60)
  child.kill('SIGKILL')
  await closed
  // The last line may have been cut by the pipe's end.
  return text.split('\n').slice(0, -1)
}

test(
  'nothing that was acknowledged is lost by kill -9 at a random moment, and no line is ever torn',
  async () => {
    const folder = ownFolder()
    const acknowledged = new Map<number, number>()
    for (let round = 0; round < rounds; round += 1) {
      const [first, ...others] = await runAndKill(folder, round)
      expect(first).toBe('corrupt 0')
      acknowledged.set(round, Number(others.at(-1)))
    }
    const left: RetryBuffer<string> = new RetryBuffer<string>({
      save: () => Promise.reject(new Error('away')),
      max: 1_000_000,
      spill: `${folder}/items`,
    })
    await left.ready()
    const saved = readFileSync(`${folder}/saved`, 'utf8').split('\n').filter(Boolean)
    const lengths = new Map(saved.map((line) => line.split(' ') as [string, string]))
    const missing: string[] = []
    for (const [round, last] of acknowledged) {
      for (let n = 0; n <= last; n += 1) {
        const length = left.get(`${round}-${n}`)?.length ?? Number(lengths.get(`${round}-${n}`))
        if (length !== (n * 37) % 500) missing.push(`${round}-${n}`)
      }
    }
    expect(missing).toEqual([])
    expect([...acknowledged.values()].every((last) => last > 0)).toBe(true)
    await left.close({ timeout: 0 })
    // What the dead have begun to write, the living have removed.
    expect(readdirSync(folder).filter((name) => name !== 'items' && name !== 'saved')).toEqual([])
  },
  Math.max(60_000, rounds * 5_000),
)
