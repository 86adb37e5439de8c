/**
 * The object in the chain of prototypes that holds `value`'s disposer, or `undefined` where it has none.
 *
 * It tells Node's own disposers, which do not wait, count or escalate, from one that a class wrote for itself: those
 * know best how their objects end.
 */
export function disposerOwner(value: object): object | undefined {
  for (const symbol of [Symbol.asyncDispose, Symbol.dispose]) {
    for (let owner: object | null = value; owner !== null; owner = Object.getPrototypeOf(owner)) {
      if (Object.hasOwn(owner, symbol)) return owner
    }
  }
  return undefined
}
