export { childProcess } from './child-process.ts'
