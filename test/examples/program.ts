import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { until } from '../fixtures/until.ts'

/** The folder of the examples. */
export const folder: string = fileURLToPath(new URL('../../examples/', import.meta.url))

/** How a program ended. */
export interface End {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
}

/**
 * A program that runs, in a process group and with a directory for temporary files of its own. All processes that it
 * starts, of whatever group, inherit the directory's name in their environment, and are known by that.
 */
export class Program {
  readonly child: ChildProcess
  readonly temporary: string
  /** Resolves when it has ended and its output has been read. */
  readonly end: Promise<End>
  output = ''

  constructor(file: string, args: readonly string[] = []) {
    this.temporary = mkdtempSync(join(tmpdir(), 'endswell-test-'))
    const env = { ...process.env, TMPDIR: this.temporary, NODE_OPTIONS: '', KUBERNETES_SERVICE_HOST: undefined }
    this.child = spawn(process.execPath, [join(folder, file), ...args], { detached: true, stdio: 'pipe', env })
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text
      })
    }
    this.end = once(this.child, 'exit').then(([status, signal]) => ({ status, signal }))
    onTestFinished(async () => {
      for (const pid of this.processes()) process.kill(pid, 'SIGKILL')
      await until('nothing of the test lives', () => this.processes().length === 0)
      rmSync(this.temporary, { recursive: true })
    })
  }

  /** Waits until it has printed that. */
  async printed(text: string): Promise<void> {
    await until(`it prints '${text}', but it printed ${this.output}`, () => this.output.includes(text), 30_000)
  }

  /** Signals it alone, or its process group, as a terminal does. */
  signal(name: NodeJS.Signals, whom: 'alone' | 'group' = 'alone'): void {
    const { pid = 0 } = this.child
    process.kill(whom === 'group' ? -pid : pid, name)
  }

  /** It and all that it has started, as far as they live. */
  processes(): number[] {
    return readdirSync('/proc')
      .map(Number)
      .filter((pid) => pid > 0 && pid !== process.pid && environmentOf(pid).includes(this.temporary))
  }

  /** What is left in its directory for temporary files. */
  leftovers(): string[] {
    return readdirSync(this.temporary)
  }

  /** Whether somebody listens at the address that it has printed, if it has. */
  async listens(): Promise<boolean> {
    const [, port] = /http:\/\/127\.0\.0\.1:(\d+)/.exec(this.output) ?? []
    if (port === undefined) return false
    const socket = connect({ port: Number(port), host: '127.0.0.1' })
    const accepted = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true))
      socket.once('error', () => resolve(false))
    })
    socket.destroy()
    return accepted
  }
}

/** Empty for one that is dead, and for one of another user. */
function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8')
  } catch {
    return ''
  }
}
