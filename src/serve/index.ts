/**
 * What a worker's own program needs, and no more: it is loaded in every thread, so it brings nothing of the lifecycle
 * along. The other end of it is `endswell/thread`, which has these names, too.
 */
export { type RegisteredThread, registerThread } from '../thread/register-thread.ts'
export { type Call, type ServeOptions, type Server, serve } from '../thread/serve.ts'
export { transfer } from '../thread/transfer.ts'
