/**
 * A thread that hashes files. Shows how a worker ends gently: it listens to the request that the kind `worker` sends,
 * finishes what it is at, and has nothing left to do.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { type MessagePort, parentPort } from 'node:worker_threads'
import type { CloseRequest } from 'endswell/thread'

const port = parentPort as MessagePort
let underWay = 0
let closing = false

process.on('workerMessage', ({ type }: CloseRequest) => {
  if (type !== 'endswell:close') return
  closing = true
  leaveWhenIdle()
})

port.on('message', async ({ serial, file }: { serial: number; file: string }) => {
  underWay += 1
  try {
    const hash = createHash('sha256')
    await pipeline(createReadStream(file), hash)
    port.postMessage({ serial, sha256: hash.digest('hex') })
  } catch (error) {
    port.postMessage({ serial, error })
  }
  underWay -= 1
  leaveWhenIdle()
})

port.postMessage('ready')

function leaveWhenIdle(): void {
  if (closing && underWay === 0) port.close()
}
