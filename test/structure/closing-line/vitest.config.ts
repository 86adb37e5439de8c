import type { ViteUserConfig } from 'vitest/config'
import { ClosingLine } from '../../closing-line.ts'

/** Runs the cases in this folder, each of which ends in its own way. */
const config: ViteUserConfig = {
  test: { root: import.meta.dirname, include: ['*.case.ts'], reporters: [new ClosingLine()] },
}

export default config
