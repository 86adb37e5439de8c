/**
 * The memory that a bridge shares with one of its threads: what must be known although the other side does not come
 * back to its event loop, or never will again.
 */

/** Number of the call that the thread has begun last; 0 before the first. */
export const BEGUN = 0
/** How many events the thread has posted, and how many of them have been taken; both wrap around. */
export const POSTED = 1
export const TAKEN = 2
/** How many events the thread has dropped because there was no room. */
export const DROPPED = 3
/** How many events may be posted and not taken. */
export const ROOM = 4
/** 1 while the thread waits for room. */
export const WAITING = 5
/** From here on one word a slot: the number of the call in it that is to end; 0 for none. */
export const SLOTS = 16

/** The greatest number of a call. The next is 1 again. */
const GREATEST = 2_147_483_647

/** Memory for a thread with so many calls at once, and so many events under way. */
export function sharedWords(slots: number, room: number): Int32Array<SharedArrayBuffer> {
  const words = new Int32Array(new SharedArrayBuffer((SLOTS + slots) * Int32Array.BYTES_PER_ELEMENT))
  words[ROOM] = Math.min(room, GREATEST)
  return words
}

/** The number of the call after that of number `seq`. A busy thread uses all there are within hours. */
export function nextSeq(seq: number): number {
  return seq === GREATEST ? 1 : seq + 1
}

/** Whether the call of number `one` was sent after that of number `other`, also where the numbers began anew between. */
export function isLater(one: number, other: number): boolean {
  // The sign of the difference, if numbers had 31 bits.
  return (one - other) << 1 > 0
}
