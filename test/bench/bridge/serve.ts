import { serve } from 'endswell/thread'

export const handlers = { inc: (n: number) => n + 1 }
serve(handlers)
