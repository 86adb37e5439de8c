import type { ProcessTree } from './process-tree.ts'

/** What a report should say of the end of a tree besides its outcome; `undefined` if there is nothing. */
export function remarkOn({ blindness, zombies }: ProcessTree): string | undefined {
  if (zombies.length > 0) return `zombies that only an init would reap (docker run --init): ${zombies.join(', ')}`
  return blindness === undefined ? undefined : 'what it has started cannot be known: there is neither /proc nor ps'
}
