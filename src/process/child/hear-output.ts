import type { ChildProcess } from 'node:child_process'
import { hearLines } from '../../lifecycle/lines.ts'

/** Reads what a child prints, as lines, until its pipes have closed. What is not piped is not read. */
export function hearOutput(
  { stdout, stderr }: Pick<ChildProcess, 'stdout' | 'stderr'>,
  onLine: (line: string, from: 'stdout' | 'stderr') => void,
): void {
  for (const [from, stream] of [['stdout', stdout] as const, ['stderr', stderr] as const]) {
    if (stream !== null) hearLines(stream, (line) => onLine(line, from))
  }
}
