import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type TestContext, test } from 'vitest'
import { until } from '../fixtures/until.ts'

const file = fileURLToPath(new URL('../fixtures/monitor/service.ts', import.meta.url))

/** Starts the service; it is ready. It does not survive the test. */
async function start({ onTestFinished }: TestContext) {
  const child = spawn(process.execPath, ['--no-warnings', file])
  onTestFinished(() => void child.kill('SIGKILL'))
  let out = ''
  child.stdout.on('data', (data) => {
    out += data
  })
  const says = (text: string) => until(`it says ${text}`, () => out.includes(text), 15_000)
  await says('ready')
  return { child, says, tell: (text: string) => child.stdin.write(`${text}\n`), out: () => out }
}

function signal(child: ChildProcess, name: NodeJS.Signals): void {
  process.kill(child.pid as number, name)
}

test.concurrent('a service that was suspended, again and again, accuses none of its threads', async (context) => {
  const { expect } = context
  const { child, says, tell, out } = await start(context)
  await sleep(500)
  for (let times = 0; times < 4; times += 1) {
    signal(child, 'SIGSTOP')
    await sleep(times % 2 === 0 ? 600 : 250)
    signal(child, 'SIGCONT')
    await sleep(times % 2 === 0 ? 50 : 400)
  }
  await sleep(800)
  tell('counts')
  await says('registered')
  expect(out()).not.toContain('endswell:')
  expect(out()).toContain('"hung":0')
  tell('end')
  await once(child, 'exit')
  expect(child.exitCode).toBe(0)
})

test.concurrent('a thread that hangs is told of while the service goes on, which then ends as ever', async (context) => {
  const { expect } = context
  const { child, says, tell, out } = await start(context)
  tell('spin')
  await says('hangs: its event loop does not come round')
  expect(out()).toMatch(/\/service\/threads\/one \(thread \d+\) hangs/)
  await says('  at spin (')
  tell('end')
  await says('closed')
  await once(child, 'exit')
  expect(child.exitCode).toBe(0)
})
