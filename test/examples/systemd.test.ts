import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { budgetFor, budgetWarning } from '../../src/run/budget.ts'
import { defaultStatuses } from '../../src/run/exit-status.ts'
import { defaultBudgets } from '../../src/startup/budgets.ts'

const page = readFileSync(new URL('../../docs/how-to/systemd.md', import.meta.url), 'utf8')
const [, block = ''] = /```ini\n([\s\S]*?)```/.exec(page) ?? []
const lines = block.split('\n').filter((line) => line.includes('='))
/** The value of a setting of the unit. */
const setting = (name: string) => lines.find((line) => line.startsWith(`${name}=`))?.slice(name.length + 1) ?? ''
const ms = (name: string) => Number(setting(name)) * 1_000

describe('the unit on the page about systemd', () => {
  const env = Object.fromEntries(
    setting('Environment')
      .split(' ')
      .map((word) => word.split('=')),
  )
  const budget = budgetFor({}, env)

  test('gives a start and a closing by default at least the time that they take', () => {
    expect(ms('TimeoutStartSec')).toBeGreaterThanOrEqual(defaultBudgets.total + budget.reserve)
    expect(ms('TimeoutStopSec')).toBeGreaterThanOrEqual(budget.drainDelay + budget.timeout + budget.reserve)
  })

  test('tells run how long systemd waits, and all fits', () => {
    expect(env).toMatchObject({ TERMINATION_GRACE_PERIOD: setting('TimeoutStopSec') })
    expect(budgetWarning(budget, env)).toBeUndefined()
  })

  test('takes what was ended on demand for no failure, and everything else for one', () => {
    const good = setting('SuccessExitStatus').split(' ').map(Number)
    const { forced, abandoned, startup, error, blocked } = defaultStatuses
    expect(good).toContain(forced)
    for (const status of [abandoned, startup, error, blocked]) expect(good).not.toContain(status)
    expect(setting('Restart')).toBe('on-failure')
  })

  test('lets systemd-notify speak, signals the service alone, and starts node itself', () => {
    expect(['Type', 'NotifyAccess', 'KillMode'].map(setting)).toEqual(['notify', 'all', 'mixed'])
    expect(setting('ExecStart')).toMatch(/^\/\S+\/node /)
  })

  test('has a reason for each of its lines', () => {
    const [, table = ''] = /\| line \| why \|\n([\s\S]*?)\n\n/.exec(page) ?? []
    const service = block.slice(block.indexOf('[Service]'), block.indexOf('[Install]')).match(/^\w+(?==)/gm) ?? []
    const named = service.filter((name) => !['User', 'Environment'].includes(name))
    expect(named.filter((name) => !table.includes(`| \`${name}=`))).toEqual([])
    expect(named).toHaveLength(10)
  })
})
