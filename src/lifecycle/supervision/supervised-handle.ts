import { customInspect } from '../inspect.ts'
import type { Supervised, SupervisedState, SupervisionEnd } from './supervised.ts'
import type { SupervisedMember } from './supervised-member.ts'
import type { Supervisor } from './supervisor.ts'

/** The face of one member of a supervisor. */
export class SupervisedHandle implements Supervised {
  readonly #supervisor: Supervisor
  readonly #member: SupervisedMember

  constructor(supervisor: Supervisor, member: SupervisedMember) {
    this.#supervisor = supervisor
    this.#member = member
  }

  get path(): string {
    return this.#member.path
  }

  get state(): SupervisedState {
    return this.#member.state
  }

  get incarnation(): number {
    return this.#member.incarnation
  }

  get restarts(): number {
    return this.#member.restarts
  }

  get cause(): unknown {
    return this.#member.cause
  }

  get ended(): Promise<SupervisionEnd> {
    return this.#member.ended
  }

  ready(): Promise<void> {
    return this.#supervisor.ready(this.#member)
  }

  async stop(): Promise<void> {
    this.#member.leave('stop() was called')
    await this.#member.ended
  }

  restart(): Promise<void> {
    return this.#supervisor.restart(this.#member)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  [customInspect](): string {
    return `Supervised ${this.path}: ${this.state}, life ${this.incarnation}`
  }
}
