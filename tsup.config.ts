import type { Options } from 'tsup'

const config: Options = {
  entry: {
    index: 'src/index.ts',
    bounded: 'src/bounded/index.ts',
    connection: 'src/connection/index.ts',
    disk: 'src/disk/index.ts',
    observe: 'src/observe/index.ts',
    process: 'src/process/index.ts',
    run: 'src/run/index.ts',
    serve: 'src/serve/index.ts',
    startup: 'src/startup/index.ts',
    testing: 'src/testing/index.ts',
    thread: 'src/thread/index.ts',
    watchdog: 'src/watchdog/index.ts',
    'watchdog-thread': 'src/watchdog/watchdog-thread.ts',
  },
  format: 'esm',
  target: 'node22',
  // One copy of every class, whichever entries a program imports.
  splitting: true,
  // Keeps `node:` in front of Node's own modules.
  removeNodeProtocol: false,
  dts: true,
  sourcemap: true,
  clean: true,
}

export default config
