import type { Dataset } from "./pipeline.ts";

/** Where the pin of a dataset stands, if it has one. */
export function pinPathOf({ name, pin }: Pick<Extract<Dataset, { kind: "path" }>, "name" | "pin">): string {
  return pin ?? `datasets/${name}.yaml`;
}
