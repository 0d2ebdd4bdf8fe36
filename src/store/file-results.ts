import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { hexOf, type Digest, type Domain } from "../identity/identity.ts";
import { resultDigest, type StepResult } from "../key/key-document.ts";
import { mayRead, ownResult, readable } from "../key/readable.ts";
import { COLLECTED } from "./collector.ts";
import { lostBytes } from "./lost-bytes.ts";
import { seenAt } from "./objects.ts";
import { resultIndex, resultPath, type ResultIndex } from "./result-index.ts";
import { revisedAt, revocationPath } from "./revocation-file.ts";
import type { Place } from "./store-place.ts";
import type { Created, ResultReader, Revocation } from "./store.ts";
import { isSame, takeAway } from "./take-away.ts";
import { createOnce, makeFan, temporaryBeside } from "./write-once.ts";

/** Where the results of a domain are. */
function resultsDirectory(root: string, domain: Domain): string {
  return `${root}/results/${domain}`;
}

function indexOf(place: Place, domain: Domain): ResultIndex {
  const known = place.indexes.get(domain);
  if (known !== undefined) return known;
  const index = resultIndex(
    join(place.root, "index", `${domain.replace("/", "-")}.tsv`),
    resultsDirectory(place.root, domain),
  );
  place.indexes.set(domain, index);
  return index;
}

/** One process collects for all of them, and what it took out is not answered from memory any more. */
function forgetCollected(place: Place): void {
  const stat = seenAt(join(place.root, COLLECTED));
  const collected = stat && `${stat.ino}.${stat.mtimeMs}`;
  if (collected === place.collected) return;
  for (const index of place.indexes.values()) index.close();
  place.indexes.clear();
  place.evicted = undefined;
  place.collected = collected;
}

/** Results as steps of a domain may read them. */
export function resultReader(place: Place, domain: Domain): ResultReader {
  forgetCollected(place);
  const from = readable(domain);
  place.revoked ||= existsSync(join(place.root, "revocations"));
  const isLost = lostBytes(place.root);
  const find = (key: Digest): StepResult | undefined => {
    for (const one of from) {
      const first = indexOf(place, one).get(key);
      const result = first !== undefined && place.revoked ? revised(place, one, first) : first;
      // Where it lies decides, not what it says of itself; and what took its place is judged as it was made.
      if (result !== undefined && mayRead(domain, one, result)) return result;
    }
    return undefined;
  };
  const misses = (key: Digest): boolean => {
    const result = isLost && find(key);
    return result !== undefined && isLost?.(result) === true;
  };
  return {
    result(key) {
      const result = find(key);
      return result === undefined || isLost?.(result) === true ? undefined : result;
    },
    evicted: (key) => misses(key) || existsSync(join(place.root, "evicted", `${hexOf(key)}.json`)),
    catchUp: async () => false,
  };
}

function revised(place: Place, domain: Domain, result: StepResult): StepResult {
  if (!existsSync(join(place.root, "revocations"))) return result;
  return revisedAt(revocationPath(place.root, domain, result.key)) ?? result;
}

/** Keeps the first result of a key; another one is an observation beside it. */
export function createResult(place: Place, domain: Domain, result: StepResult): Created {
  ownResult(domain, result);
  const directory = resultsDirectory(place.root, domain);
  const target = resultPath(directory, hexOf(result.key));
  makeFan(place, dirname(target));
  const revoked = revocationPath(place.root, domain, result.key);
  const orphan = seenAt(revoked);
  if (createOnce(place, target, `${JSON.stringify(result)}\n`)) {
    // It took the place of another one, which went.
    if (orphan !== undefined) takeAway(revoked, (now) => isSame(now, orphan));
    indexOf(place, domain).add(result);
    // A marker that is left is never asked for while there is a result.
    place.evicted ??= existsSync(join(place.root, "evicted"));
    if (place.evicted) rmSync(join(place.root, "evicted", `${hexOf(result.key)}.json`), { force: true });
    return { kind: "created" };
  }
  const first = JSON.parse(readFileSync(target, "utf8")) as StepResult;
  const the = revised(place, domain, first);
  const same = resultDigest(the) === resultDigest(result);
  if (!same) {
    const observation = join(
      place.root,
      "observations",
      domain,
      hexOf(result.key),
      `${hexOf(resultDigest(result))}.json`,
    );
    makeFan(place, dirname(observation));
    createOnce(place, observation, `${JSON.stringify(result)}\n`);
  }
  return { kind: "exists", result: the, same };
}

/** Puts another result in the place of one that is wrong; what was first stays to be seen. */
export function revokeResult(place: Place, domain: Domain, { old, now, why }: Revocation): void {
  ownResult(domain, now);
  place.revoked = true;
  const target = revocationPath(place.root, domain, now.key);
  makeFan(place, dirname(target));
  const temporary = temporaryBeside(target);
  writeFileSync(temporary, `${JSON.stringify({ who: why.who, reason: why.reason, old: resultDigest(old), now })}\n`);
  if (existsSync(target)) {
    const earlier = readdirSync(dirname(target)).filter((name) => name.startsWith(hexOf(now.key))).length;
    renameSync(target, `${target.slice(0, -".json".length)}.${earlier}.json`);
  }
  renameSync(temporary, target);
  place.barrier.add(target);
  // Whoever collects looks here after the first one is out of the way: then it is this one.
  const first = resultPath(resultsDirectory(place.root, domain), hexOf(now.key));
  if (seenAt(first) !== undefined) return;
  makeFan(place, dirname(first));
  createOnce(place, first, `${JSON.stringify(now)}\n`);
}
