import type { Transferable } from 'node:worker_threads'
import { wrongType } from '../lifecycle/check.ts'
import { Transferred } from './serving/transferred.ts'

/**
 * A result whose buffers, ports or streams are moved to the caller instead of copied: the thread has them no more. To
 * be returned or yielded by a handler of {@link serve}, or passed to `emit`; anywhere else it means nothing.
 *
 * @param list what is moved: each a part of `value`.
 * @returns what the caller will get, as far as types go.
 * @throws TypeError if `list` is no array.
 * @example
 * ```ts
 * serve({
 *   render(width: number, height: number) {
 *     const pixels = new Uint8Array(width * height * 4)
 *     return transfer(pixels, [pixels.buffer])
 *   },
 * })
 * ```
 */
export function transfer<T>(value: T, list: readonly Transferable[]): T {
  if (!Array.isArray(list)) throw wrongType('list', 'an array of what is to be moved', list)
  return new Transferred(value, list) as T
}
