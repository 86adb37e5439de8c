import type { ChildProcess } from 'node:child_process'
import { Lines } from '../../lifecycle/lines.ts'

/** Reads what a child prints, as lines, until its pipes have closed. What is not piped is not read. */
export function hearOutput(
  { stdout, stderr }: Pick<ChildProcess, 'stdout' | 'stderr'>,
  onLine: (line: string, from: 'stdout' | 'stderr') => void,
): void {
  for (const [from, stream] of [['stdout', stdout] as const, ['stderr', stderr] as const]) {
    if (stream === null) continue
    const lines = new Lines((line) => onLine(line, from))
    stream.on('data', (bytes: Uint8Array) => lines.write(bytes))
    stream.on('end', () => lines.end())
    // That comes instead where the pipe is destroyed, because somebody else holds it open.
    stream.on('close', () => lines.end())
  }
}
