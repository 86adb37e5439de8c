import { checkFunction, checkObject, checkOptions, checkStatus, wrongType } from '../../lifecycle/check.ts'
import type { PlaceOptions } from '../../lifecycle/contract.ts'
import { PLACE } from '../../lifecycle/place.ts'
import type { MemberPolicy, SupervisionOptions } from '../../lifecycle/supervision/supervise-policy.ts'
import type { ChildExit } from '../child/child-exit.ts'
import { checkLaunch, LAUNCH, type SpawnChildOptions } from '../child/launch-options.ts'

/** What is to be run, each time anew: a command, and the options of `spawnChild` that are its own. */
export interface ProcessCommand extends Omit<SpawnChildOptions, 'name' | 'signal' | 'grace' | keyof PlaceOptions> {
  /** The program: a name that is looked up in `PATH`, or a path. */
  command: string
  /** Its arguments. Default: none. */
  args?: readonly string[]
}

/** What is to be run, and what it is called. */
export interface ProcessSpec extends ProcessCommand {
  /** Its place in paths, without `/`: the child of its third life is `/orders/mailer/3/process`. */
  name: string
}

/** How a process is supervised: as by `supervise`, and by its status. When it is ready is said with its command. */
export interface ProcessPolicy extends Omit<MemberPolicy<ChildExit>, 'readyWhen' | 'readyTimeout'> {
  /** Statuses, 0 to 255, after which another life would only end alike: it gives up at once. Default: none. */
  giveUpOn?: readonly number[]
}

/** Options of `superviseProcess`. */
export interface SuperviseProcessPolicy extends ProcessPolicy, SupervisionOptions {
  /** How many ms the tree of processes gets to end before it is killed. Default: the lifecycle's. */
  grace?: number
}

/** One process of a group: what is to be run, and how it is supervised. */
export interface ProcessMember extends ProcessCommand, ProcessPolicy {}

const COMMAND = ['command', 'args', ...LAUNCH] as const
const POLICY = ['restart', 'backoff', 'stable', 'isNormal', 'giveUpWhen', 'grace', 'giveUpOn'] as const

/** Takes a spec apart, and refuses what could not be run. */
export function checkSpec(spec: ProcessSpec): { name: string; command: ProcessCommand } {
  checkObject('spec', spec)
  checkOptions('spec', spec, ['name', ...COMMAND])
  const { name, ...command } = spec
  checkCommand(command)
  return { name, command }
}

/** Refuses what a process could not be supervised by; what is not its own, `supervise` looks at. */
export function checkProcessPolicy(what: string, policy: ProcessPolicy): void {
  checkObject(what, policy)
  checkOptions(what, policy, [...POLICY, 'intensity', 'fatal', ...PLACE])
  const { giveUpOn = [], giveUpWhen } = policy
  if (!Array.isArray(giveUpOn)) throw wrongType(`${what}.giveUpOn`, 'an array of statuses', giveUpOn)
  for (const status of giveUpOn) checkStatus(`Each of ${what}.giveUpOn`, status)
  if (giveUpWhen !== undefined) checkFunction(`${what}.giveUpWhen`, giveUpWhen)
}

/** Takes a member of a group apart, and refuses what could not be run or supervised. */
export function checkProcessMember(name: string, member: ProcessMember): [ProcessCommand, ProcessPolicy] {
  const what = `specs.${name}`
  checkObject(what, member)
  checkOptions(what, member, [...COMMAND, ...POLICY])
  const pick = (keys: readonly string[]): object =>
    Object.fromEntries(Object.entries(member).filter(([key]) => keys.includes(key)))
  const command = pick(COMMAND) as ProcessCommand
  const policy = pick(POLICY) as ProcessPolicy
  checkCommand(command)
  checkProcessPolicy(what, policy)
  return [command, policy]
}

function checkCommand({ command, args = [], ...options }: ProcessCommand): void {
  checkLaunch(command, args, options)
}
