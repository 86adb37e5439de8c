import { readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

/** The files that a rule judges: path from the root of the repository, such as `src/run/run.ts`, to text. */
export type Sources = ReadonlyMap<string, string>

/** The root of the repository, with a `/` at its end. */
export const root: string = fileURLToPath(new URL('../../', import.meta.url))

/** Every TypeScript file in `src/`. */
export function readSources(): Sources {
  const names = readdirSync(`${root}src`, { recursive: true, encoding: 'utf8' })
  const paths = names.filter((name) => name.endsWith('.ts')).map((name) => `src/${name.replaceAll('\\', '/')}`)
  return new Map(paths.sort().map((path) => [path, readFileSync(root + path, 'utf8')]))
}

/** The folder of `src/` that a file is in; the empty string for a file in `src/` itself. */
export function folderOf(path: string): string {
  const [, folder = '', ...rest] = path.split('/')
  return rest.length === 0 ? '' : folder
}

/** One place where a file names another module, whether for a value or for a type. */
export interface Import {
  /** Path of the file that imports, and the line, such as `src/run/run.ts:3`. */
  readonly at: string
  /** Path from the root, where the import is relative; else its specifier, such as `node:net`. */
  readonly target: string
  readonly relative: boolean
}

/** Every import of a file: static, dynamic, `export … from`, and `import('…')` in a type. */
export function importsOf(path: string, text: string): Import[] {
  return ts.preProcessFile(text).importedFiles.map(({ fileName, pos }) => {
    const relative = fileName.startsWith('.')
    const target = relative ? posix.join(posix.dirname(path), fileName) : fileName
    return { at: `${path}:${text.slice(0, pos).split('\n').length}`, target, relative }
  })
}

/** A tree of the given source with positions and parents. */
export function parse(path: string, text: string): ts.SourceFile {
  return ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
}

/** Where a node stands, such as `src/run/run.ts:3`. */
export function placeOf(node: ts.Node): string {
  const file = node.getSourceFile()
  return `${file.fileName}:${file.getLineAndCharacterOfPosition(node.getStart()).line + 1}`
}
