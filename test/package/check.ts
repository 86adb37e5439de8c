// Packs the package as `npm publish` would, and looks at it as its users will: with publint, with Are The Types Wrong,
// and from a project that has installed it.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const folder = mkdtempSync(join(tmpdir(), 'endswell-package-'))
try {
  const tarball = pack()
  checkFiles(tarball)
  run('publint', tarball, '--strict')
  run('attw', tarball, '--profile', 'esm-only', '--format', 'table-flipped')
  checkInstalled(tarball)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function run(command: string, ...args: string[]): void {
  execFileSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] })
}

function pack(): string {
  run('npm', 'pack', '--silent', '--pack-destination', folder)
  const [name = ''] = readdirSync(folder)
  return join(folder, name)
}

function checkFiles(tarball: string): void {
  const files = execFileSync('tar', ['-tzf', tarball], { encoding: 'utf8' }).trim().split('\n')
  const expected = ['package/package.json', 'package/README.md', 'package/LICENSE']
  const missing = expected.filter((file) => !files.includes(file))
  const surplus = files.filter((file) => !expected.includes(file) && !file.startsWith('package/dist/'))
  if (missing.length > 0) throw new Error(`The package lacks ${missing.join(', ')}.`)
  if (surplus.length > 0) throw new Error(`The package has files that nobody needs: ${surplus.join(', ')}.`)
}

/** Imports and requires every export in a project that has nothing but the package and its dependencies. */
function checkInstalled(tarball: string): void {
  const { name, exports } = JSON.parse(readFileSync('package.json', 'utf8')) as { name: string; exports: object }
  const paths = Object.keys(exports).filter((path) => path !== './package.json')
  const names = paths.map((path) => name + path.slice(1))
  const project = join(folder, 'project')
  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), '{ "private": true }')
  const imports = names.map((path) => `await import('${path}')`)
  writeFileSync(join(project, 'esm.mjs'), imports.join('\n'))
  writeFileSync(join(project, 'cjs.cjs'), names.map((path) => `require('${path}')`).join('\n'))
  run('npm', 'install', '--silent', '--prefer-offline', '--no-audit', '--no-fund', '--prefix', project, tarball)
  run('node', join(project, 'esm.mjs'))
  run('node', join(project, 'cjs.cjs'))
  console.log(`Installed, imported and required: ${names.join(', ')}`)
}
