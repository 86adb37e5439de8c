import { checkBoolean } from './check.ts'
import type { Site, TaskOptions } from './contract.ts'
import { ENDED, type Entry, LIVE } from './entry.ts'
import { wordOf } from './errors.ts'
import type { CloseContext, Kind } from './kind.ts'
import { checkNamed } from './place.ts'
import type { Scope } from './scope.ts'
import { failAll } from './scope-kind.ts'

const MORE = ['fatal'] as const

/** Work that a lifecycle waits for: its signal aborts at its turn in the closing, and it gets the grace to settle. */
class Task {
  readonly controller = new AbortController()
  /** Settles the closing that waits for this work. */
  stopped: { resolve: () => void; reject: (error: unknown) => void } | undefined = undefined
  /** Called when its closing begins: from then on the closing speaks for it. */
  readonly onStop: () => void

  constructor(onStop: () => void) {
    this.onStop = onStop
  }

  stop(reason: string): Promise<void> {
    this.onStop()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.stopped = { resolve, reject }
    this.controller.abort(new DOMException(`The lifecycle of this task is closing: ${reason}`, 'AbortError'))
    return promise
  }

  /** Whether an error only says that the work heeded its signal. */
  isOwnAbort(error: unknown): boolean {
    const { signal } = this.controller
    if (!signal.aborted) return false
    return error === signal.reason || wordOf(error, 'name') === 'AbortError' || isClosed(error)
  }
}

/** Whether an error only says that a lifecycle takes no more. */
function isClosed(error: unknown): boolean {
  return wordOf(error, 'code') === 'ERR_CLOSED'
}

const taskKind: Kind<Task> = Object.freeze({
  name: 'task',
  matches: () => false,
  close: (task: Task, { reason }: CloseContext) => task.stop(reason),
})

/** Work in a lifecycle, as the function that does it sees it. */
export interface TaskRun {
  readonly signal: AbortSignal
  /** Where the work was started, as far as that is kept. */
  readonly site: Site | undefined
  /** Whether it was forgotten: what it brings is nobody's affair. */
  isForgotten(): boolean
  /** Takes the task out before it has settled, to put in its place what it has made. Says whether it was still in. */
  leave(): boolean
}

/**
 * Starts work in a scope, and mirrors it in the promise that is returned. Rejections that the closing brings about are
 * marked as handled: the report tells of them.
 */
export function startTask<T>(
  scope: Scope,
  name: string,
  work: (run: TaskRun) => T,
  options: TaskOptions,
): Promise<Awaited<T>> {
  scope.checkOpen()
  checkNamed(name, options, MORE)
  const { fatal = false } = options
  checkBoolean('options.fatal', fatal)
  const mirror = Promise.withResolvers<Awaited<T>>()
  const handled = (): void => void mirror.promise.catch(() => {})
  const task = new Task(handled)
  const entry = scope.add(taskKind, task, undefined, scope.placeOf({ ...options, name }, MORE))
  entry.whenEnded((outcome, error) => outcome === 'abandoned' && mirror.reject(error))
  const fail = (error: unknown): void => {
    if (task.stopped !== undefined) settleStopped(scope, entry, task, error)
    else {
      const path = scope.pathOf(entry)
      if (scope.observes('resource.error')) scope.publish('resource.error', entry, { error })
      if (entry.state === LIVE) scope.left(entry)
      if (fatal || (scope.state !== 'open' && isClosed(error))) handled()
      if (fatal) failAll(scope, error, path)
    }
    mirror.reject(error)
  }
  const leave = (): boolean => {
    const live = entry.state === LIVE
    if (live) scope.left(entry)
    return live
  }
  const isForgotten = (): boolean => entry.state === ENDED && task.stopped === undefined
  settleWith(
    work,
    { signal: task.controller.signal, site: entry.detail?.site, leave, isForgotten },
    (value) => {
      leave()
      task.stopped?.resolve()
      mirror.resolve(value)
    },
    fail,
  )
  return mirror.promise
}

async function settleWith<T>(
  work: (run: TaskRun) => T,
  run: TaskRun,
  done: (value: Awaited<T>) => void,
  failed: (error: unknown) => void,
): Promise<void> {
  let value: Awaited<T>
  try {
    value = await work(run)
  } catch (error) {
    return failed(error)
  }
  done(value)
}

function settleStopped(scope: Scope, entry: Entry, task: Task, error: unknown): void {
  if (task.isOwnAbort(error)) task.stopped?.resolve()
  else if (entry.state !== ENDED) task.stopped?.reject(error)
  else if (scope.observes('resource.late')) scope.publish('resource.late', entry, { error })
}
