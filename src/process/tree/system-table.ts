import { hasProc, procTable } from './proc-table.ts'
import type { ProcessTable } from './process-table.ts'
import { psTable } from './ps-table.ts'
import { taskkillTable } from './taskkill.ts'

/** Where this system shows a process: in `/proc`, or else to `ps`; Windows shows only that it is there. */
export function systemTable(pid: number): ProcessTable {
  if (process.platform === 'win32') return taskkillTable(pid)
  return hasProc() ? procTable : psTable
}
