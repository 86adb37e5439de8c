// The long forms of the tests that play with trees of processes, clusters, databases and crashes, one after another: `npm
// run soak`. Their hardest rules are tried 50 times, or `ENDSWELL_ROUNDS` times (a million leases, 5 000 reconnects, 200
// crashes and more), and they print how late the last of a tree died.
import { spawnSync } from 'node:child_process'

const names = [
  ...['kill-tree', 'process-one', 'parent-death', 'recycle-workers', 'connection-pool', 'keep-connected'],
  ...['retry-buffer', 'rolling-file', 'retention-sweeper'],
]
const files = names.map((name) => `test/real/${name}.test.ts`)
const options = ['--no-file-parallelism', '--testTimeout=900000', ...process.argv.slice(2)]
const args = ['node_modules/vitest/vitest.mjs', 'run', ...options, ...files]
const env = { ENDSWELL_ROUNDS: '50', ...process.env }
process.exitCode = spawnSync(process.execPath, args, { stdio: 'inherit', env }).status ?? 1
