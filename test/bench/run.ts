// Runs the benchmarks in this folder one after another, each in a process of its own. Words after `npm run bench --`
// choose those whose name holds one of them; the options after them, such as `--short`, go to each.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

const folder = import.meta.dirname
const args = process.argv.slice(2)
const options = args.filter((arg) => arg.startsWith('-'))
const words = args.filter((arg) => !arg.startsWith('-'))
const benches = readdirSync(folder).filter((name) => /\.bench\.(ts|mjs)$/.test(name))
const chosen = benches.filter((name) => words.length === 0 || words.some((word) => name.includes(word)))
if (chosen.length === 0) throw new Error(`No benchmark of that name. There are ${benches.join(', ')}.`)

for (const name of chosen.sort()) {
  console.log(`\n${name}`)
  const { status } = spawnSync(process.execPath, ['--expose-gc', join(folder, name), ...options], { stdio: 'inherit' })
  if (status !== 0) process.exitCode = 1
}
