import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync, type Stats } from "node:fs";
import { dirname, join } from "node:path";

import { digestFromHex, hexOf, type Digest, type RunId } from "../identity/identity.ts";
import type { ListingEntry, StepResult } from "../key/key-document.ts";
import { removeOldCheckpoints } from "./checkpoints.ts";
import { removeOldMarks } from "./lost-bytes.ts";
import { resultKeys, resultPath } from "./result-index.ts";
import { revisedAt, revocationPath } from "./revocation-file.ts";
import { parsed } from "./write-once.ts";

export interface Collected {
  readonly objects: number;
  readonly bytes: number;
  readonly results: number;
}

/** What must stay, beside everything younger than `olderThan` (ms since 1970). */
export interface Kept {
  /** Outputs and logs of recorded runs within the retention. */
  readonly live: ReadonlySet<Digest>;
  /** Runs that are accepted and not recorded: what they computed is what they go on from. */
  readonly runs: ReadonlySet<RunId>;
  readonly olderThan: number;
}

/** What those know who run the steps. */
export interface CollectHands {
  /** Takes away whatever a step has left. */
  readonly remove: (path: string) => void;
  /** Takes away what processes that were killed have left in a directory of workspaces. */
  readonly removeAbandoned: (directory: string) => void;
}

/**
 * Removes bytes that nothing names. Results that lose bytes are removed too and remembered as evicted, so that plans
 * can say so. A young result keeps its bytes however old they are: equal ones may have been there for long.
 */
export function collect(root: string, { live, runs, olderThan }: Kept, hands: CollectHands): Collected {
  const results = [...resultsOf(root, olderThan)];
  const kept = new Set(live);
  for (const { result } of results) {
    if (Date.parse(result.made.finishedAt) < olderThan && !runs.has(result.made.run)) continue;
    for (const { digest } of result.facts.outputs) kept.add(digest);
    if (result.made.log !== null) kept.add(result.made.log);
  }
  const found = ["objects", "listings"].flatMap((kind) => entries(join(root, kind)));
  const isOld = ({ stat }: Found): boolean => isOlder(stat, olderThan);
  for (const one of found) if (!isOld(one) && one.digest !== undefined) kept.add(one.digest);
  for (const inner of Array.from(kept, (digest) => filesOf(root, digest)).flat()) kept.add(inner);
  hands.removeAbandoned(join(root, "work"));
  removeOldMarks(root, olderThan);
  removeOldCheckpoints(join(root, "checkpoints"), olderThan, hands.remove);
  let objects = 0;
  let bytes = 0;
  const gone = new Set<Digest>();
  for (const { path, digest, stat } of found.filter(isOld)) {
    if (digest !== undefined && kept.has(digest)) continue;
    rmSync(path, { force: true });
    if (digest !== undefined) gone.add(digest);
    objects++;
    bytes += stat.size;
  }
  return { objects, bytes, results: evict(root, results, gone) };
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

interface Found {
  readonly path: string;
  /** Undefined for what a process that was killed left half-written. */
  readonly digest: Digest | undefined;
  readonly stat: Stats;
}

function entries(directory: string): readonly Found[] {
  return namesIn(directory).flatMap((fan) =>
    namesIn(join(directory, fan)).flatMap((name): Found[] => {
      const path = join(directory, fan, name);
      const stat = statSync(path, { throwIfNoEntry: false });
      const hex = `${fan}${name.replace(/\.json$/, "")}`;
      if (stat === undefined) return [];
      if (/^[0-9a-f]{64}$/.test(hex)) return [{ path, digest: digestFromHex(hex), stat }];
      return name.includes(".tmp-") ? [{ path, digest: undefined, stat }] : [];
    }),
  );
}

function isOlder({ mtimeMs, ctimeMs }: Stats, than: number): boolean {
  return Math.max(mtimeMs, ctimeMs) < than;
}

interface FoundResult {
  readonly path: string;
  /** Of what took its place, where something did. */
  readonly revocation: string | undefined;
  /** As it is read now. */
  readonly result: StepResult;
}

/** What a machine that went down left torn says nothing, and goes when it is old. */
function* resultsOf(root: string, olderThan: number): Generator<FoundResult> {
  const above = join(root, "results");
  const forks = namesIn(join(above, "fork")).map((number) => join("fork", number));
  for (const domain of [...namesIn(above), ...forks]) {
    const directory = join(above, domain);
    for (const key of resultKeys(directory)) {
      const path = resultPath(directory, hexOf(key));
      const first = parsed(readFileSync(path, "utf8")) as StepResult | undefined;
      const revocation = revocationPath(root, domain, key);
      const now = revisedAt(revocation);
      const result = now ?? first;
      if (result !== undefined) yield { path, revocation: now && revocation, result };
      else if (isOlder(statSync(path), olderThan)) forget(root, [path]);
    }
  }
}

function evict(root: string, results: readonly FoundResult[], gone: ReadonlySet<Digest>): number {
  const lost = results.filter(({ result }) => result.facts.outputs.some(({ digest }) => gone.has(digest)));
  for (const { path, revocation, result } of lost) {
    const mark = join(root, "evicted", `${hexOf(result.key)}.json`);
    mkdirSync(dirname(mark), { recursive: true });
    writeFileSync(mark, `${JSON.stringify({ run: result.made.run })}\n`);
    forget(root, revocation === undefined ? [path] : [revocation, path]);
  }
  return lost.length;
}

/** The index would still know of it. */
function forget(root: string, paths: readonly string[]): void {
  for (const path of paths) rmSync(path);
  rmSync(join(root, "index"), { recursive: true, force: true });
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
