/** A process that could not be ended. */
export interface Survivor {
  /** Its number. */
  readonly pid: number
  /** Its program, as the system names it: often cut short. */
  readonly name: string
  /** One letter, as `ps` has it: `D` waits for a disk or a network drive, and cannot even be killed until that answers. */
  readonly state: string
  /** Whether this process may not signal it, as is the rule for those of other users. */
  readonly denied: boolean
}
