import { type Evidence, hasSlept, IDLE, type Tallies, type Verdict, weigh } from './evidence.ts'
import type { LaneState } from './lanes.ts'

/** By what a thread is judged; all but `confirm` in ms. */
export interface Rules {
  readonly check: number
  readonly hang: number
  readonly confirm: number
  readonly busy: number
  readonly boot: number
  readonly unseen: number
}

/** What a look at a thread shows. */
export interface Look extends Tallies {
  readonly beats: number
  readonly state: LaneState
  /** Whether it has said that it may block. */
  readonly isParked: boolean
  /** Whether somebody counts how much of a core it wants, also where there is nothing to compare with yet. */
  readonly isCounted: boolean
  /** Which share of a core it has wanted since the last look; `undefined` where nobody knows. */
  readonly cpu: number | undefined
  /** Which share of the time since the last look its event loop was at work; `undefined` where nobody knows. */
  readonly elu: number | undefined
  /** Whether somebody knows that the thread exists: we its Worker, or the kernel. */
  readonly isKnown: boolean
}

/** What follows of a look: nothing, a close examination, or the news of another verdict. */
export type Next = 'nothing' | 'examine' | 'changed'

/** A share of the event loop's time above which it has no pause. */
const FULL = 0.99
/** For how many looks after an examination a thread still works off what that has asked of it. */
const SETTLING = 2
/** How many times longer than at first it takes at most until a thread is examined that was found innocent before. */
const LONGEST_PATIENCE = 64

/**
 * The rules by which one thread is judged: what it shows goes in, what is held of it comes out. No time but its own.
 *
 * A thread that does nothing is examined when it has been silent for too long. One that works is examined before half of
 * that, and then seen whether it comes round to its microtasks in the other half: a pool's thread under load goes from
 * task to task without its event loop. Work and idleness are never added up: a thread that waited for long, and has just
 * been given something to do, is not stuck in that.
 */
export class Judgement {
  verdict: Verdict = 'booting'
  /** What was held of it before. */
  previous: Verdict = 'booting'
  readonly #rules: Rules
  #beats = 0
  /** Since when it has been silent, at least; and when it was last found doing nothing. */
  #since: number
  #idleAt: number
  #isIdle = false
  #fullSince: number | undefined = undefined
  /** How many looks in a row have found it silent for too long. */
  #overdue = 0
  #examined: 'no' | 'under way' | 'yes' = 'no'
  /** Whether what is found is out of date when it comes: it does something else by then, or has begun anew. */
  #stale: 'no' | 'changed' | 'begun' = 'no'
  #evidence: Evidence | undefined = undefined
  /** It was in native code at half of its time. */
  #isHalfway = false
  #patience = 1
  /** What it had counted when it was found to be stuck, or last seemed to be so no more. */
  #stuck: Tallies | undefined = undefined
  #isOver = false
  /** It was found at rest, so many looks ago, and stays so as long as it does not wake: it has gone to sleep so often. */
  #rest: { readonly looks: number; readonly sleeps: number | undefined } | undefined = undefined

  constructor(rules: Rules, now: number) {
    this.#rules = rules
    this.#since = now
    this.#idleAt = now
  }

  /** For how many ms it has not beaten, at least. */
  silent(now: number): number {
    return now - this.#since
  }

  /** Time has passed in which nobody looked, and perhaps nobody ran: it gets all of its time anew. */
  begin(now: number): void {
    this.#since = now
    this.#idleAt = now
    this.#fullSince = undefined
    this.#forget()
    if (this.#examined === 'under way') this.#stale = 'begun'
  }

  /** It is terminated: whatever it does from now on, nobody looks. */
  end(): void {
    this.#isOver = true
  }

  /** It did not end. */
  abandon(): void {
    this.verdict = 'native'
  }

  look(look: Look): Next {
    if (this.#isOver) return 'nothing'
    const hasBeaten = look.beats !== this.#beats
    this.#beats = look.beats
    return hasBeaten ? this.#alive(look) : this.#quiet(look)
  }

  /** An examination is over. `undefined`: the thread has moved meanwhile. */
  hear(evidence: Evidence | undefined, tallies: Tallies): Next {
    const { now } = tallies
    const stale = this.#stale
    this.#examined = 'no'
    this.#stale = 'no'
    // One that was in native code all the while was there whatever it did.
    if (stale === 'begun' || (stale === 'changed' && evidence?.stop !== 'native')) return 'nothing'
    if (evidence?.stop === 'native' && this.#overdue === 0) {
      // A call that takes long, with half of its time to go.
      this.#isHalfway = true
      return 'nothing'
    }
    if (evidence === undefined) {
      this.begin(now)
      return 'nothing'
    }
    this.#examined = 'yes'
    this.#evidence = evidence
    if (!this.#hasWoken(evidence)) return this.#conclude(tallies)
    this.#idleAt = now
    this.#forget()
    return 'nothing'
  }

  /** Whether it had nothing to do when it was to be examined, and then had. */
  #hasWoken(evidence: Evidence): boolean {
    return this.#isIdle && evidence.stop === 'stopped' && evidence.cpu !== undefined && evidence.cpu >= IDLE
  }

  #alive({ now, elu, state, isParked }: Look): Next {
    const fullSince = elu === undefined || elu < FULL ? undefined : (this.#fullSince ?? now)
    this.begin(now)
    this.#fullSince = fullSince
    this.#stuck = undefined
    this.#patience = 1
    this.#rest = undefined
    if (state === 'stopping') return this.#become('stopping')
    if (isParked) return this.#become('parked')
    return this.#become(fullSince !== undefined && now - fullSince >= this.#rules.busy ? 'busy' : 'running')
  }

  #quiet(look: Look): Next {
    const { now, state, isParked, isKnown, cpu, sleeps } = look
    if (!isKnown) return this.silent(now) >= this.#rules.unseen ? this.#become('unseen') : 'nothing'
    if (state === 'stopping') return this.#become('stopping')
    if (isParked) {
      this.begin(now)
      return this.#become('parked')
    }
    if (look.isCounted && cpu === undefined) return 'nothing'
    // While it is examined it works for whoever examines it.
    const wasAsked = this.#examined === 'under way' && this.#isIdle
    const isIdle = wasAsked || (cpu !== undefined && cpu < IDLE)
    if (this.#stuck !== undefined && !this.#stirs(this.#stuck, look, isIdle)) return 'nothing'
    if (this.#rest !== undefined) {
      const { looks } = this.#rest
      const isAtRest = looks <= SETTLING || (isIdle && sleeps === this.#rest.sleeps)
      this.#rest = isAtRest ? { looks: looks + 1, sleeps } : undefined
      if (isIdle || isAtRest) this.begin(now)
      if (isAtRest) return 'nothing'
    }
    // What was found of it while it worked says nothing of it now that it doesn't, and the other way round.
    if (isIdle !== this.#isIdle) this.#forget()
    this.#isIdle = isIdle
    if (isIdle) this.#idleAt = now
    return this.#suspect(look, isIdle)
  }

  /**
   * Whether a thread that was stuck may be so no more, although it has not beaten: a pool's thread goes on like that. Then
   * it is examined again.
   */
  #stirs(stuck: Tallies, look: Look, isIdle: boolean): boolean {
    if (this.#examined !== 'yes') return true
    const hasSleptSince = this.verdict === 'native' && look.sleeps !== stuck.sleeps
    const hasChanged = isIdle !== this.#isIdle || look.turns !== stuck.turns || hasSleptSince
    if (!hasChanged || look.now - stuck.now < this.#rules.hang) return false
    this.#stuck = look
    this.#forget()
    return true
  }

  #suspect(look: Look, isIdle: boolean): Next {
    const { now, state } = look
    const limit = this.#limit(state)
    const silent = isIdle ? this.silent(now) : now - Math.max(this.#since, this.#idleAt)
    if (silent >= limit) this.#overdue += 1
    if (this.#examined === 'yes') return this.#conclude(look)
    const isDue = silent >= (isIdle || this.#isHalfway ? limit : limit / 2 - this.#rules.check)
    if (this.#examined === 'under way' || !isDue) return 'nothing'
    this.#examined = 'under way'
    return 'examine'
  }

  #limit(state: LaneState): number {
    const { hang, boot } = this.#rules
    return (state === 'booting' ? Math.max(hang, boot) : hang) * this.#patience
  }

  #conclude(tallies: Tallies): Next {
    if (this.#evidence === undefined) return 'nothing'
    const verdict = weigh(this.#evidence, tallies, this.#rules.busy)
    const isRest = verdict === 'parked' || verdict === 'debugged'
    // That it rests is seen at once; that it doesn't come back takes all of its time.
    if (!isRest && this.#overdue < this.#rules.confirm) return 'nothing'
    if (verdict === 'hung' && tallies.now - this.#watchedFrom(this.#evidence) < this.#rules.hang / 2) return 'nothing'
    // From task to task, or in a circle: that is seen in time.
    if (verdict === 'busy' && !hasSlept(this.#evidence, tallies)) return this.#become('busy')
    if (isRest) this.#rest = { looks: 1, sleeps: undefined }
    this.#stuck = verdict === 'hung' || verdict === 'native' ? tallies : undefined
    if (this.#stuck === undefined) {
      // It is not examined again at once, and less and less often where nothing shows whether it works.
      this.begin(tallies.now)
      this.#patience = isRest && this.#isIdle ? 1 : Math.min(2 * this.#patience, LONGEST_PATIENCE)
    }
    return this.#become(verdict)
  }

  /** Since when it is known how often it came round. */
  #watchedFrom(evidence: Evidence): number {
    return 'tallies' in evidence ? evidence.tallies.now : this.#since
  }

  #forget(): void {
    this.#overdue = 0
    this.#evidence = undefined
    this.#isHalfway = false
    if (this.#examined !== 'under way') this.#examined = 'no'
    else if (this.#stale === 'no') this.#stale = 'changed'
  }

  #become(verdict: Verdict): Next {
    if (verdict === this.verdict) return 'nothing'
    this.previous = this.verdict
    this.verdict = verdict
    return 'changed'
  }
}
