/** What a cluster's worker tells its primary. */
export type FromWorker =
  /** It can be asked to retire. Unless it `tells` when it is ready, it is as soon as it listens. */
  | { readonly type: 'endswell:recyclable'; readonly tells: boolean }
  /** It serves. */
  | { readonly type: 'endswell:ready' }
  /** How worn it is: requests since its start, and bytes of its process and of its heap. */
  | {
      readonly type: 'endswell:vitals'
      readonly requests: number
      readonly rss: number
      readonly heap: number
    }
  /** It has counted as many requests as it was told to. */
  | { readonly type: 'endswell:spent'; readonly requests: number }

/** What a primary tells its worker. */
export type FromPrimary =
  /** Tell your vitals each `check` ms, and at once that you have counted so many requests. */
  | { readonly type: 'endswell:watch'; readonly check: number; readonly requests: number | undefined }
  /** Announce that you go, and close your lifecycle `notice` ms later, within `timeout` ms. */
  | {
      readonly type: 'endswell:retire'
      readonly notice: number
      readonly timeout: number
      readonly reason: string
    }

/** Whether a message is one of ours: programs send their own on the same channel. */
export function isOurs(message: unknown): message is FromWorker | FromPrimary {
  if (typeof message !== 'object' || message === null || !('type' in message)) return false
  return typeof message.type === 'string' && message.type.startsWith('endswell:')
}
