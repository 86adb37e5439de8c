/** Where steps that only validate may be left out. */
const TEST_ENVIRONMENTS = ['test', 'staging']

/** Whether steps marked `skipInTest` are left out; `ignored` where that was asked for but must not be. */
export type Skipping = 'yes' | 'no' | 'ignored'

/** Reads `SKIP_STARTUP_VALIDATION` (`true` or `1`), which counts only where `NODE_ENV` is `test` or `staging`. */
export function skippingIn(env: Readonly<Record<string, string | undefined>>): Skipping {
  if (!['true', '1'].includes(env['SKIP_STARTUP_VALIDATION'] ?? '')) return 'no'
  return TEST_ENVIRONMENTS.includes(env['NODE_ENV'] ?? '') ? 'yes' : 'ignored'
}

/** Says aloud that the wish was not granted: whoever set it believes that the validation is off. */
export function warnOfSkipping(env: Readonly<Record<string, string | undefined>>): void {
  const where = env['NODE_ENV'] === undefined ? 'NODE_ENV is not set' : `NODE_ENV is '${env['NODE_ENV']}'`
  process.emitWarning(
    `SKIP_STARTUP_VALIDATION is ignored, since ${where}: it counts only where that is 'test' or 'staging'.`,
    { type: 'EndswellWarning', code: 'ENDSWELL_SKIP_IGNORED' },
  )
}
