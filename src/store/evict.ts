import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { hexOf, parseDigest, type Digest } from "../identity/identity.ts";
import { breather } from "./breather.ts";
import { namedBy } from "./collector.ts";
import { modifiedAt, namesIn, textAt, type FoundResult } from "./store-files.ts";
import { isSame, takeAway } from "./take-away.ts";
import { parsed } from "./write-once.ts";

export type Doomed = FoundResult & { readonly result: NonNullable<FoundResult["result"]> };

/** First it is known that a result went, then it goes; false where another one stands there since. */
export function evict(root: string, { path, stat, revocation, result }: Doomed): boolean {
  mkdirSync(join(root, "evicted"), { recursive: true });
  const mark = { run: result.made.run, bytes: namedBy(result) };
  writeFileSync(join(root, "evicted", `${hexOf(result.key)}.json`), `${JSON.stringify(mark)}\n`);
  // What was wrong is never read again: what took its place goes last.
  if (!takeAway(path, (now) => isSame(now, stat))) return false;
  if (revocation !== undefined) takeAway(revocation.path, (now) => isSame(now, revocation.stat));
  return true;
}

/** Bytes of results that were evicted since then (ms since 1970): whoever read one just before goes on with them. */
export async function* evictedSince(root: string, since: number): AsyncGenerator<Digest> {
  const breathe = breather();
  const marks = join(root, "evicted");
  for (const name of namesIn(marks)) {
    await breathe();
    if ((modifiedAt(join(marks, name)) ?? 0) < since) continue;
    const { bytes = [] } = (parsed(textAt(join(marks, name)) ?? "{}") ?? {}) as { readonly bytes?: readonly string[] };
    yield* bytes.flatMap((digest) => parseDigest(digest) ?? []);
  }
}
