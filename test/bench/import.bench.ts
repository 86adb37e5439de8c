// What the root import costs over that of an empty module, and what it weighs minified and compressed, dependencies
// counted (Node's own modules and `debug`, which is loaded on request, are not bundled).
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { assigned, measure, row } from './processes.ts'

async function timeImport(specifier: string): Promise<number> {
  const from = performance.now()
  await import(specifier)
  return performance.now() - from
}

if (assigned !== undefined) console.log(JSON.stringify({ ms: await timeImport(assigned) }))
else {
  const folder = mkdtempSync(join(tmpdir(), 'endswell-import-'))
  const empty = join(folder, 'empty.mjs')
  writeFileSync(empty, 'export {}\n')
  const over =
    (measure(import.meta.filename, 'endswell')['ms'] ?? 0) - (measure(import.meta.filename, empty)['ms'] ?? 0)
  rmSync(folder, { recursive: true })
  row('root import over an empty module', over, 'ms', 20)
  const { outputFiles } = await build({
    stdin: { contents: "export * from 'endswell'", resolveDir: import.meta.dirname },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'node',
    target: 'node22',
  })
  row(
    'root import, minified and compressed',
    gzipSync(outputFiles[0]?.contents ?? '', { level: 9 }).length / 1_000,
    'kB',
    15,
  )
}
