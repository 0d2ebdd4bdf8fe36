import { AsyncLocalStorage } from "node:async_hooks";

const storage = new AsyncLocalStorage<string>();

/** Does something under the name of what it came from: a delivery, or a look of our own. Jobs carry the name on. */
export function correlated<Value>(name: string, work: () => Value): Value {
  return storage.run(name, work);
}

/** What is done now came from this. */
export function correlation(): string | undefined {
  return storage.getStore();
}

/** Calls what it is given later, as if it were called now. */
export function asNow(): <Value>(work: () => Value) => Value {
  return AsyncLocalStorage.snapshot();
}
