import type { ChildProcess } from 'node:child_process'
import { treeOf } from '../tree/process-tree.ts'
import { remarkOn } from '../tree/remark.ts'
import { type ChildExit, exitOf, exitText, isBad, wordsText } from './child-exit.ts'

/** How a child and its tree have ended, as far as that is known by now. */
export function exitNow(child: ChildProcess, lastWords: readonly string[], abandoned = false): ChildExit {
  const { forced, pid } = treeOf(child)
  return exitOf(child, { forced: forced.length > 0, abandoned, byUs: forced.includes(pid), lastWords })
}

/** What a report should say of that; `undefined` where it is nothing. `wasAsked`: whether the child did not go by itself. */
export function noteOn(child: ChildProcess, lastWords: readonly string[], wasAsked: boolean): string | undefined {
  const tree = treeOf(child)
  const exit = exitNow(child, lastWords)
  const others = tree.forced.filter((pid) => pid !== tree.pid)
  const killed = others.length > 0 ? `, and ${others.length} that it had started by force` : ''
  const how = isBad(exit, wasAsked) ? `${exitText(exit)}${killed}` : undefined
  const texts = [how, remarkOn(tree)].filter((text) => text !== undefined)
  return texts.length > 0 ? `${texts.join('; ')}${wordsText(lastWords)}` : undefined
}
