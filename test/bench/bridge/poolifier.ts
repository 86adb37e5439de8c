import { ThreadWorker } from 'poolifier'

export const worker = new ThreadWorker((n?: number) => (n ?? 0) + 1)
