import type { ChildProcess, SpawnOptions } from 'node:child_process'
import { once } from 'node:events'
import { type Mode, start } from '../../fixtures/processes.ts'
import type { Sample } from '../contract.ts'

const sample = (options: SpawnOptions): Sample<ChildProcess> => {
  const make = async (...modes: Mode[]) => (await start(modes, options)).child
  return {
    kind: 'child-process',
    make: () => make('obey'),
    hang: () => make('ignore'),
    stuck: { cannot: 'no process can refuse SIGKILL' },
    fail: async () => {
      const value = await make('obey')
      const error = Object.assign(new Error('kill EPERM'), { code: 'EPERM' })
      value.kill = () => {
        throw error
      }
      return { value, error: () => error }
    },
    endByItself: async (child) => {
      const exit = once(child, 'exit')
      process.kill(child.pid ?? Number.NaN, 'SIGKILL')
      await exit
    },
    isGone: ({ exitCode, signalCode }) => exitCode !== null || signalCode !== null,
  }
}

export const childProcess = sample({ detached: false })

export const detachedChild: Sample<ChildProcess> = {
  ...sample({ detached: true }),
  fail: { cannot: 'its group is signalled by number, which only the system can refuse' },
}
