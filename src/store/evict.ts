import { mkdirSync, writeFileSync, type Stats } from "node:fs";
import { join } from "node:path";

import { hexOf, type Digest } from "../identity/identity.ts";
import { breather } from "./breather.ts";
import { bytesOfMark, evictedMark } from "./collector.ts";
import { seenAt } from "./objects.ts";
import { modifiedAt, namesIn, textAt, type FoundResult } from "./store-files.ts";
import { isSame, takeAway } from "./take-away.ts";
import { parsed } from "./write-once.ts";

export type Doomed = FoundResult & { readonly result: NonNullable<FoundResult["result"]> };

/** First it is known that a result went, then it goes; false where another one stands there, or took its place, since. */
export function evict(root: string, { path, stat, revocation, result }: Doomed): boolean {
  mkdirSync(join(root, "evicted"), { recursive: true });
  writeFileSync(join(root, "evicted", `${hexOf(result.key)}.json`), evictedMark(result));
  const { path: revoked, stat: then } = revocation;
  // What was wrong is never read again: what took its place goes last.
  if (!takeAway(path, (now) => isSame(now, stat) && isAsSeen(revoked, then))) return false;
  if (then !== undefined) takeAway(revoked, (now) => isSame(now, then));
  return true;
}

function isAsSeen(path: string, then: Stats | undefined): boolean {
  const now = seenAt(path);
  return now === undefined || then === undefined ? now === then : isSame(now, then);
}

/** Bytes of results that were evicted since then (ms since 1970): whoever read one just before goes on with them. */
export async function* evictedSince(root: string, since: number): AsyncGenerator<Digest> {
  const breathe = breather();
  const marks = join(root, "evicted");
  for (const name of namesIn(marks)) {
    await breathe();
    if ((modifiedAt(join(marks, name)) ?? 0) < since) continue;
    yield* bytesOfMark(parsed(textAt(join(marks, name)) ?? "{}"));
  }
}
