// The long forms of the tests that play with trees of processes and with clusters, one after another: `npm run soak`.
// Their hardest rules are tried 50 times, or `ENDSWELL_ROUNDS` times, and they print how late the last of a tree died.
import { spawnSync } from 'node:child_process'

const files = ['kill-tree', 'process-one', 'parent-death', 'recycle-workers'].map((name) => `test/real/${name}.test.ts`)
const options = ['--no-file-parallelism', '--testTimeout=900000', ...process.argv.slice(2)]
const args = ['node_modules/vitest/vitest.mjs', 'run', ...options, ...files]
const env = { ENDSWELL_ROUNDS: '50', ...process.env }
process.exitCode = spawnSync(process.execPath, args, { stdio: 'inherit', env }).status ?? 1
