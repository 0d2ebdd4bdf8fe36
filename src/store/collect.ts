import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { digestFromHex, hexOf, type Digest, type Domain } from "../identity/identity.ts";
import type { ListingEntry, StepResult } from "../key/key-document.ts";
import { resultKeys, resultPath } from "./result-index.ts";

export interface Collected {
  readonly objects: number;
  readonly bytes: number;
  readonly results: number;
}

/**
 * Removes bytes that nothing names: neither `live` digests (of recorded runs) nor anything younger than `olderThan`
 * (ms since 1970). Results that lose bytes are removed too and remembered as evicted, so that plans can say so.
 */
export function collect(root: string, live: ReadonlySet<Digest>, olderThan: number): Collected {
  const kept = new Set(live);
  for (const digest of live) for (const inner of filesOf(root, digest)) kept.add(inner);
  let objects = 0;
  let bytes = 0;
  const gone = new Set<Digest>();
  for (const kind of ["objects", "listings"]) {
    for (const { path, digest } of entries(join(root, kind))) {
      const stat = statSync(path);
      if (kept.has(digest) || Math.max(stat.mtimeMs, stat.ctimeMs) >= olderThan) continue;
      rmSync(path, { force: true });
      gone.add(digest);
      objects++;
      bytes += stat.size;
    }
  }
  return { objects, bytes, results: evictResults(root, gone) };
}

function filesOf(root: string, digest: Digest): readonly Digest[] {
  const hex = hexOf(digest);
  try {
    const listing = JSON.parse(
      readFileSync(join(root, "listings", hex.slice(0, 2), `${hex.slice(2)}.json`), "utf8"),
    ) as readonly ListingEntry[];
    return listing.flatMap((entry) => ("link" in entry ? [] : [entry.digest]));
  } catch {
    return [];
  }
}

function entries(directory: string): readonly { readonly path: string; readonly digest: Digest }[] {
  let fans: string[];
  try {
    fans = readdirSync(directory);
  } catch {
    return [];
  }
  return fans.flatMap((fan) =>
    readdirSync(join(directory, fan)).flatMap((name) => {
      const hex = `${fan}${name.replace(/\.json$/, "")}`;
      return /^[0-9a-f]{64}$/.test(hex) ? [{ path: join(directory, fan, name), digest: digestFromHex(hex) }] : [];
    }),
  );
}

function evictResults(root: string, gone: ReadonlySet<Digest>): number {
  if (gone.size === 0) return 0;
  let evicted = 0;
  for (const domain of domains(root)) {
    const directory = join(root, "results", domain);
    for (const key of resultKeys(directory)) {
      const path = resultPath(directory, hexOf(key));
      const result = JSON.parse(readFileSync(path, "utf8")) as StepResult;
      if (!result.facts.outputs.some((output) => gone.has(output.digest))) continue;
      rmSync(path);
      const mark = join(root, "evicted", `${hexOf(key)}.json`);
      mkdirSync(dirname(mark), { recursive: true });
      writeFileSync(mark, `${JSON.stringify({ run: result.made.run })}\n`);
      evicted++;
    }
    rmSync(join(root, "index", `${domain}.tsv`), { force: true });
  }
  return evicted;
}

function domains(root: string): readonly Domain[] {
  try {
    return readdirSync(join(root, "results")) as Domain[];
  } catch {
    return [];
  }
}
