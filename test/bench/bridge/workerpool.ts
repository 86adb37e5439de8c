import { worker } from 'workerpool'

worker({ inc: (n: number) => n + 1 })
