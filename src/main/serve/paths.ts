import { join } from "node:path";

/** Where a service keeps what it can make again. */
export function servicePaths(data: string): {
  readonly store: string;
  readonly work: string;
  /** What is brought for the store, on its way. */
  readonly datasets: string;
  readonly environments: string;
  readonly keys: string;
} {
  const store = join(data, "store");
  return {
    store,
    work: join(store, "work"),
    datasets: join(data, "datasets"),
    environments: join(data, "environments"),
    keys: join(data, "keys"),
  };
}
