// Runs the suite against the built package on every version of Node that it supports: all of it, and on the version that
// the source was tested on, what uses the package from outside. The programs of `test/real` had the build there, too. npm
// fetches the runtimes.
import { execFileSync, spawnSync } from 'node:child_process'
import { delimiter, dirname } from 'node:path'

const majors = [22, 24, 26]
const files = process.argv.slice(2)
const outside = ['test/contract/', 'test/connection/', 'test/conformance/']

for (const major of majors) {
  const node = fetchNode(major)
  const version = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim()
  if (!version.startsWith(`v${major}.`)) throw new Error(`Asked npm for Node ${major}, but it gave ${version}: ${node}`)
  console.log(`\nThe built package on Node ${version}`)
  const env = { ...process.env, ENDSWELL_TEST: 'dist', PATH: dirname(node) + delimiter + process.env['PATH'] }
  const chosen = process.version.startsWith(`v${major}.`) ? outside : []
  const args = ['node_modules/vitest/vitest.mjs', 'run', ...chosen, ...files]
  const { status } = spawnSync(node, args, { stdio: 'inherit', env })
  if (status !== 0) throw new Error(`The suite failed on Node ${version}.`)
}

/** The path of a runtime of that version. */
function fetchNode(major: number): string {
  const args = ['exec', '--yes', `--package=node@${major}`, '--', 'node', '-p', 'process.execPath']
  return execFileSync('npm', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim()
}
