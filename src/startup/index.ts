export { Startup, type StartupOptions, type StepOptions } from './startup.ts'
