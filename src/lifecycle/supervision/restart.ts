/**
 * Which ends lead to another life, in the words of Erlang/OTP's supervisors: `permanent` is always begun again,
 * `transient` only after an abnormal end, `temporary` never.
 */
export type Restart = 'permanent' | 'transient' | 'temporary'

/**
 * Who begins again with a member of a group that ended, in the words of Erlang/OTP's supervisors: nobody else
 * (`one_for_one`), all others (`one_for_all`), or those that stand behind it (`rest_for_one`).
 */
export type Strategy = 'one_for_one' | 'one_for_all' | 'rest_for_one'

/** The words for {@link Restart}. */
export const RESTARTS: readonly Restart[] = ['permanent', 'transient', 'temporary']

/** The words for {@link Strategy}. */
export const STRATEGIES: readonly Strategy[] = ['one_for_one', 'one_for_all', 'rest_for_one']

/** Whether an end leads to another life. */
export function isBegunAgain(restart: Restart, normal: boolean): boolean {
  return restart === 'permanent' || (restart === 'transient' && !normal)
}

/** The members of a group that begin again with `member`, without itself, in their order. */
export function companions<T>(strategy: Strategy, members: readonly T[], member: T): readonly T[] {
  if (strategy === 'one_for_one') return []
  return strategy === 'one_for_all'
    ? members.filter((other) => other !== member)
    : members.slice(members.indexOf(member) + 1)
}
