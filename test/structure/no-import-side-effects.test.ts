import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import config from '../../tsup.config.ts'
import { root } from './sources.ts'

interface Probe {
  readonly effects: readonly string[]
  readonly loaded: readonly string[]
}

/** Modules of Node that are slower to load than this library; a program that needs none should pay for none. */
const heavy = ['child_process', 'http', 'http2', 'https', 'inspector', 'net', 'tls', 'worker_threads']

/** Imports a module in a process of its own, and says what that did. */
async function probe(specifier: string): Promise<Probe> {
  const { stdout } = await promisify(execFile)(process.execPath, [`${root}test/structure/import-probe.mjs`, specifier])
  return JSON.parse(stdout) as Probe
}

const mend = "Do it on first use. (A static import of 'node:util' opens stdio and loads worker_threads: ask builtin().)"

function effectsOf({ effects }: Probe): string[] {
  return effects.map((effect) => `It ${effect} at import. ${mend}`)
}

function heavyLoads({ loaded }: Probe): string[] {
  return heavy.filter((name) => loaded.includes(name)).map((name) => `It loads node:${name} at import. ${mend}`)
}

const code = (text: string): string => `data:text/javascript,${encodeURIComponent(text)}`

describe('the built package', () => {
  // A worker's program is no module to import: it does its work when it is loaded.
  const names = Object.keys(config.entry as Record<string, string>).filter((name) => !name.endsWith('-thread'))

  test.each(names.map((name) => (name === 'index' ? 'endswell' : `endswell/${name}`)))(
    'importing %s only defines',
    async (name) => {
      expect(effectsOf(await probe(name))).toEqual([])
    },
  )

  test("importing the root loads none of Node's heavy modules", async () => {
    expect(heavyLoads(await probe('endswell'))).toEqual([])
  })
})

describe('the probe', () => {
  test.each([
    ["process.on('SIGTERM', () => {})", "listens to 'SIGTERM' of process"],
    ['setInterval(() => {}, 1000)', 'starts a Timeout'],
    ['setTimeout(() => {}, 1000).unref()', 'starts a Timeout'],
    ['setImmediate(() => {})', 'starts a Immediate'],
    ["import { createServer } from 'node:net'; createServer().listen(0)", 'starts a TCPSERVERWRAP'],
    ["import { Worker } from 'node:worker_threads'; new Worker('', { eval: true })", 'starts a WORKER'],
    ['process.env.HOME', 'reads process.env.HOME'],
    ["'HOME' in process.env", 'reads process.env.HOME'],
    ['({ ...process.env })', 'reads process.env.*'],
    ['process.env.PROBE = 1', 'writes process.env.PROBE'],
    ['globalThis.SuppressedErrorOfOurs = class {}', 'defines the global SuppressedErrorOfOurs'],
  ])('sees %s', async (text, effect) => {
    expect(effectsOf(await probe(code(text)))).toContain(`It ${effect} at import. ${mend}`)
  })

  test('sees a heavy module', async () => {
    expect(heavyLoads(await probe(code("import 'node:http'")))).toContainEqual(
      expect.stringMatching(/^It loads node:http at/),
    )
  })

  test('sees nothing where there is nothing', async () => {
    const found = await probe(code("import { join } from 'node:path'; export const path = join('a', 'b')"))
    expect([...effectsOf(found), ...heavyLoads(found)]).toEqual([])
  })
})
