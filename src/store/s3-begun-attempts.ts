import { randomUUID } from "node:crypto";

import type { RunId } from "../identity/identity.ts";
import type { BegunAttempts } from "./begun-attempts.ts";
import type { Bucket } from "./bucket.ts";

/** One empty object for each attempt that was begun, beside the results of a bucket. */
export function s3BegunAttempts(bucket: Bucket): BegunAttempts {
  const below = (run: RunId): string => `begun/${run}/`;
  return {
    begin: (run, id) => bucket.put(`${below(run)}${id}.${randomUUID()}`, new Uint8Array()),
    async of(run) {
      const begun: { readonly id: string; readonly startedAt: string }[] = [];
      for await (const { key, modified } of bucket.list(below(run))) {
        const name = key.slice(below(run).length);
        begun.push({ id: name.slice(0, name.indexOf(".")), startedAt: new Date(modified).toISOString() });
      }
      return begun;
    },
    async forget(run) {
      const keys: string[] = [];
      for await (const { key } of bucket.list(below(run))) keys.push(key);
      await bucket.remove(keys);
    },
  };
}
