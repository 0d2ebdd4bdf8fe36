import { join } from "node:path";

/** Where a service keeps what it can make again. */
export function servicePaths(data: string): {
  readonly store: string;
  readonly work: string;
  readonly environments: string;
  readonly keys: string;
} {
  const store = join(data, "store");
  return {
    store,
    work: join(store, "work"),
    environments: join(data, "environments"),
    keys: join(data, "keys"),
  };
}
