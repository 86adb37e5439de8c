/** Prints what the demo has to say. */
import type { Report, Snapshot } from 'endswell'

/** One line under a heading. */
export function say(heading: string, text: string): void {
  console.log(`\n${heading}`)
  for (const line of text.split('\n').filter(Boolean)) console.log(`  ${line}`)
}

/** Says whether something holds, and remembers whether all did. */
export class Verdict {
  holds = true

  check(holds: boolean, text: string): void {
    console.log(`  ${holds ? '✔' : '✘'} ${text}`)
    this.holds &&= holds
  }
}

/** What a lifecycle holds, as a tree. */
export function showSnapshot(snapshot: Snapshot): string {
  return [snapshot.path, ...branches(snapshot, '')].join('\n')
}

function branches({ resources }: Snapshot, indent: string): string[] {
  return resources.flatMap(({ path, kind, description, inside }, at) => {
    const [fork, bar] = at === resources.length - 1 ? ['└─ ', '   '] : ['├─ ', '│  ']
    const name = path.slice(path.lastIndexOf('/') + 1)
    const line = `${indent}${fork}${name}  ${[kind, description].filter(Boolean).join(', ')}`
    return inside === undefined ? [line] : [line, ...branches(inside, indent + bar)]
  })
}

/** How everything ended, one line each: what did not close gently first, then the slowest. */
export function showReport(report: Report | undefined): string {
  if (report === undefined) return 'It printed no report.'
  const { path, rows } = report
  const width = Math.max(...rows.map((row) => row.path.length - path.length))
  return rows
    .map(({ path: own, outcome, ms, kind, note }) => {
      const name = own.slice(path.length).padEnd(width)
      return `${outcome.padEnd(7)} ${ms.toFixed(1).padStart(7)} ms  ${name}  ${[kind, note].filter(Boolean).join(', ')}`
    })
    .join('\n')
}
