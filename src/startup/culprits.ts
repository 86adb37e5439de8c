import type { Stage } from './stage.ts'

/**
 * Who is to blame when the time of a part of a start is over: the innermost that run in it, and whatever else is overdue.
 * What is optional, and nobody may be waiting for, is not why the whole is late.
 */
export function culpritsOf(stage: Stage, root: Stage, now: number): readonly Stage[] {
  const inside = stage.innermost()
  const blamed = stage === root && inside.every((each) => each.isOptional) ? [root] : inside
  const overdue = root.innermost().filter((each) => each.isOverdue(now))
  return [...new Set([...blamed, ...overdue])]
}

/** What has to be given up with a culprit: all around it whose time is over too. What has time left may do without it. */
export function givenUpWith(culprit: Stage, now: number): readonly Stage[] {
  return [...culprit.upwards()].filter((each) => each === culprit || each.isOverdue(now))
}
