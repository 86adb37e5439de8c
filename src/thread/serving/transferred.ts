import type { Transferable } from 'node:worker_threads'

/** A value that takes some of its parts along instead of a copy of them. */
export class Transferred {
  readonly value: unknown
  readonly list: readonly Transferable[]

  constructor(value: unknown, list: readonly Transferable[]) {
    this.value = value
    this.list = list
  }
}
