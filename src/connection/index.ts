export { listen } from './listen.ts'
export { server } from './server.ts'
export { socket } from './socket.ts'
export { stream } from './stream.ts'
