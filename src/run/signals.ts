import { builtin } from '../lifecycle/builtin.ts'

/** What can ask a process to stop, besides itself. */
export type StopSignal =
  | 'SIGTERM'
  | 'SIGINT'
  | 'SIGHUP'
  | 'SIGQUIT'
  | 'SIGUSR2'
  | 'SIGBREAK'
  | 'shutdown'
  | 'disconnect'

/**
 * What `run` can listen to, and why.
 *
 * Left out are those that no program can catch (SIGKILL, SIGSTOP), those that say that the program is broken (SIGSEGV,
 * SIGABRT and the like, after which nothing can be relied on), SIGUSR1 (Node starts its debugger) and SIGPIPE (Node
 * turns it into an error of the write).
 */
export const stopSignals: Readonly<Record<StopSignal, string>> = {
  SIGTERM: 'the polite request of every supervisor: Kubernetes, systemd, Docker, kill',
  SIGINT: 'Ctrl-C',
  SIGHUP: 'the terminal was closed; elsewhere often used for reloading',
  SIGQUIT: 'Ctrl-\\; also how nginx and PHP-FPM are asked to finish their work',
  SIGUSR2: 'nodemon asks for a restart by it',
  SIGBREAK: 'Ctrl-Break on Windows',
  shutdown: "the message 'shutdown' that PM2 sends where signals do not exist",
  disconnect: 'the parent has closed the IPC channel, so it is gone or wants us to go',
}

/** What is listened to unless options say otherwise. The rest of the table is on request. */
export const defaultSignals: readonly StopSignal[] = ['SIGTERM', 'SIGINT']

/** The exit status by which shells and supervisors know a signal; what has no number counts as SIGTERM. */
export function statusOf(signal: StopSignal): number {
  const { signals } = builtin('node:os').constants
  const numbers: Readonly<Record<string, number | undefined>> = signals
  return 128 + (numbers[signal] ?? signals.SIGTERM)
}

/** Listens to one of them on the process. Returns the undo. */
export function onStop(signal: StopSignal, callback: () => void): () => void {
  if (signal === 'shutdown') {
    const onMessage = (message: unknown): void => {
      if (message === 'shutdown') callback()
    }
    process.on('message', onMessage)
    return () => void process.off('message', onMessage)
  }
  if (signal === 'disconnect' && process.connected === false) {
    // The parent went before anybody listened, and the event does not come twice.
    const { setImmediate, clearImmediate } = builtin('node:timers')
    const soon = setImmediate(callback)
    return () => clearImmediate(soon)
  }
  process.on(signal as NodeJS.Signals, callback)
  return () => void process.off(signal as NodeJS.Signals, callback)
}
