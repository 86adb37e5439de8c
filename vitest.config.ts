import { fileURLToPath } from 'node:url'
import type { ViteUserConfig } from 'vitest/config'
import { ClosingLine } from './test/closing-line.ts'

const root = fileURLToPath(new URL('.', import.meta.url))

// Threads and programs of the tests load the same files hundreds of times: compiled once, they start several times as fast.
process.env['NODE_COMPILE_CACHE'] ??= `${root}node_modules/.cache/compile`

/** Tests import the package by its name and get the source, or what users get: `ENDSWELL_TEST=dist`, the build. */
const built = process.env['ENDSWELL_TEST'] === 'dist'

const config: ViteUserConfig = {
  resolve: {
    alias: [
      { find: /^endswell$/, replacement: root + (built ? 'dist/index.js' : 'src/index.ts') },
      { find: /^endswell\/(.+)$/, replacement: root + (built ? 'dist/$1.js' : 'src/$1/index.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    // Most real tests wait more than they compute.
    maxWorkers: 3,
    testTimeout: 20_000,
    hookTimeout: 20_000,
    teardownTimeout: 10_000,
    server: { deps: { external: [/\/dist\//] } },
    reporters: ['default', new ClosingLine()],
  },
}

export default config
