export { type CloseRequest, worker } from './worker.ts'
